#include "vitrail/data/class_lists.h"

#include <algorithm>
#include <array>

#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

constexpr std::string_view voc_names =
    "background|aeroplane|bicycle|bird|boat|bottle|bus|car|cat|chair|cow|diningtable|dog|"
    "horse|motorbike|person|pottedplant|sheep|sofa|train|tvmonitor";

constexpr std::string_view ade20k_names =
    "wall|building|sky|floor|tree|ceiling|road|bed|windowpane|grass|cabinet|sidewalk|person|"
    "earth|door|table|mountain|plant|curtain|chair|car|water|painting|sofa|shelf|house|sea|"
    "mirror|rug|field|armchair|seat|fence|desk|rock|wardrobe|lamp|bathtub|railing|cushion|"
    "base|box|column|signboard|chest of drawers|counter|sand|sink|skyscraper|fireplace|"
    "refrigerator|grandstand|path|stairs|runway|case|pool table|pillow|screen door|stairway|"
    "river|bridge|bookcase|blind|coffee table|toilet|flower|book|hill|bench|countertop|stove|"
    "palm|kitchen island|computer|swivel chair|boat|bar|arcade machine|hovel|bus|towel|light|"
    "truck|tower|chandelier|awning|streetlight|booth|television receiver|airplane|dirt track|"
    "apparel|pole|land|bannister|escalator|ottoman|bottle|buffet|poster|stage|van|ship|"
    "fountain|conveyer belt|canopy|washer|plaything|swimming pool|stool|barrel|basket|"
    "waterfall|tent|bag|minibike|cradle|oven|ball|food|step|tank|trade name|microwave|pot|"
    "animal|bicycle|lake|dishwasher|screen|blanket|sculpture|hood|sconce|vase|traffic light|"
    "tray|ashcan|fan|pier|crt screen|plate|monitor|bulletin board|shower|radiator|glass|"
    "clock|flag";

constexpr std::string_view cityscapes_names =
    "road|sidewalk|building|wall|fence|pole|traffic light|traffic sign|vegetation|terrain|"
    "sky|person|rider|car|truck|bus|train|motorcycle|bicycle";

constexpr std::string_view nyud40_names =
    "wall|floor|cabinet|bed|chair|sofa|table|door|window|bookshelf|picture|counter|blinds|"
    "desk|shelves|curtain|dresser|pillow|mirror|floormat|clothes|ceiling|books|refridgerator|"
    "television|paper|towel|showercurtain|box|whiteboard|person|nightstand|toilet|sink|lamp|"
    "bathtub|bag|otherstructure|otherfurniture|otherprop";

constexpr std::string_view sift_flow_names =
    "awning|balcony|bird|boat|bridge|building|bus|car|cow|crosswalk|desert|door|fence|field|"
    "grass|moon|mountain|person|plant|pole|river|road|rock|sand|sea|sidewalk|sign|sky|"
    "staircase|streetlight|sun|tree|window";

// In the order of their ids among the 459, which is alphabetical.
constexpr std::string_view context_names =
    "aeroplane|bag|bed|bedclothes|bench|bicycle|bird|boat|book|bottle|building|bus|cabinet|"
    "car|cat|ceiling|chair|cloth|computer|cow|cup|curtain|dog|door|fence|floor|flower|food|"
    "grass|ground|horse|keyboard|light|motorbike|mountain|mouse|person|plate|platform|"
    "pottedplant|road|rock|sheep|shelves|sidewalk|sign|sky|snow|sofa|table|track|train|tree|"
    "truck|tvmonitor|wall|water|window|wood";
constexpr std::array<int64_t, 59> context_ids = {
    2,   9,   18,  19,  22,  23,  25,  31,  33,  34,  44,  45,  46,  59,  65,  68,  72,  80,  85,  98,
    104, 105, 113, 115, 144, 158, 159, 162, 187, 189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308,
    324, 326, 347, 349, 354, 355, 360, 366, 368, 397, 415, 416, 420, 424, 427, 440, 445, 454, 458};
// FCN writes diningtable, bedcloth and clothes for table, bedclothes and cloth.
constexpr std::string_view context_names_fcn =
    "aeroplane|bicycle|bird|boat|bottle|bus|car|cat|chair|cow|table|dog|horse|motorbike|"
    "person|pottedplant|sheep|sofa|train|tvmonitor|bag|bed|bench|book|building|cabinet|"
    "ceiling|cloth|computer|cup|door|fence|floor|flower|food|grass|ground|keyboard|light|"
    "mountain|mouse|curtain|platform|sign|plate|road|rock|shelves|sidewalk|sky|snow|"
    "bedclothes|track|tree|truck|wall|water|window|wood";

constexpr std::array<Rgb, 150> ade20k_colors = {
    {{120, 120, 120}, {180, 120, 120}, {6, 230, 230},   {80, 50, 50},    {4, 200, 3},     {120, 120, 80},
     {140, 140, 140}, {204, 5, 255},   {230, 230, 230}, {4, 250, 7},     {224, 5, 255},   {235, 255, 7},
     {150, 5, 61},    {120, 120, 70},  {8, 255, 51},    {255, 6, 82},    {143, 255, 140}, {204, 255, 4},
     {255, 51, 7},    {204, 70, 3},    {0, 102, 200},   {61, 230, 250},  {255, 6, 51},    {11, 102, 255},
     {255, 7, 71},    {255, 9, 224},   {9, 7, 230},     {220, 220, 220}, {255, 9, 92},    {112, 9, 255},
     {8, 255, 214},   {7, 255, 224},   {255, 184, 6},   {10, 255, 71},   {255, 41, 10},   {7, 255, 255},
     {224, 255, 8},   {102, 8, 255},   {255, 61, 6},    {255, 194, 7},   {255, 122, 8},   {0, 255, 20},
     {255, 8, 41},    {255, 5, 153},   {6, 51, 255},    {235, 12, 255},  {160, 150, 20},  {0, 163, 255},
     {140, 140, 140}, {250, 10, 15},   {20, 255, 0},    {31, 255, 0},    {255, 31, 0},    {255, 224, 0},
     {153, 255, 0},   {0, 0, 255},     {255, 71, 0},    {0, 235, 255},   {0, 173, 255},   {31, 0, 255},
     {11, 200, 200},  {255, 82, 0},    {0, 255, 245},   {0, 61, 255},    {0, 255, 112},   {0, 255, 133},
     {255, 0, 0},     {255, 163, 0},   {255, 102, 0},   {194, 255, 0},   {0, 143, 255},   {51, 255, 0},
     {0, 82, 255},    {0, 255, 41},    {0, 255, 173},   {10, 0, 255},    {173, 255, 0},   {0, 255, 153},
     {255, 92, 0},    {255, 0, 255},   {255, 0, 245},   {255, 0, 102},   {255, 173, 0},   {255, 0, 20},
     {255, 184, 184}, {0, 31, 255},    {0, 255, 61},    {0, 71, 255},    {255, 0, 204},   {0, 255, 194},
     {0, 255, 82},    {0, 10, 255},    {0, 112, 255},   {51, 0, 255},    {0, 194, 255},   {0, 122, 255},
     {0, 255, 163},   {255, 153, 0},   {0, 255, 10},    {255, 112, 0},   {143, 255, 0},   {82, 0, 255},
     {163, 255, 0},   {255, 235, 0},   {8, 184, 170},   {133, 0, 255},   {0, 255, 92},    {184, 0, 255},
     {255, 0, 31},    {0, 184, 255},   {0, 214, 255},   {255, 0, 112},   {92, 255, 0},    {0, 224, 255},
     {112, 224, 255}, {70, 184, 160},  {163, 0, 255},   {153, 0, 255},   {71, 255, 0},    {255, 0, 163},
     {255, 204, 0},   {255, 0, 143},   {0, 255, 235},   {133, 255, 0},   {255, 0, 235},   {245, 0, 255},
     {255, 0, 122},   {255, 245, 0},   {10, 190, 212},  {214, 255, 0},   {0, 204, 255},   {20, 0, 255},
     {255, 255, 0},   {0, 153, 255},   {0, 41, 255},    {0, 255, 204},   {41, 0, 255},    {41, 255, 0},
     {173, 0, 255},   {0, 245, 255},   {71, 0, 255},    {122, 0, 255},   {0, 255, 184},   {0, 92, 255},
     {184, 255, 0},   {0, 133, 255},   {255, 214, 0},   {25, 194, 194},  {102, 255, 0},   {92, 0, 255}}};

std::vector<Rgb> ade20k_palette(size_t n) {
  return {ade20k_colors.begin(), ade20k_colors.begin() + static_cast<std::ptrdiff_t>(n)};
}

std::vector<std::string> split(std::string_view names) {
  std::vector<std::string> parts;
  while (true) {
    const size_t bar = names.find('|');
    parts.emplace_back(names.substr(0, bar));
    if (bar == std::string_view::npos) return parts;
    names.remove_prefix(bar + 1);
  }
}

}  // namespace

std::vector<ClassInfo> named_classes(std::string_view names, const std::vector<Rgb>& colors) {
  const std::vector<std::string> parts = split(names);
  const std::vector<Rgb> spare =
      colors.size() < parts.size() ? distinct_palette(static_cast<int64_t>(parts.size())) : colors;
  std::vector<ClassInfo> classes;
  for (const std::string& name : parts)
    classes.push_back({name, spare[classes.size()]});
  return classes;
}

std::vector<ClassInfo> voc_classes() {
  return named_classes(voc_names, voc_palette(21));
}
std::vector<ClassInfo> ade20k_classes() {
  return named_classes(ade20k_names, ade20k_palette(150));
}
std::vector<ClassInfo> cityscapes_classes() {
  return named_classes(cityscapes_names, cityscapes_palette());
}
std::vector<ClassInfo> nyud40_classes() {
  return named_classes(nyud40_names);
}
std::vector<ClassInfo> sift_flow_classes() {
  return named_classes(sift_flow_names);
}

std::vector<ContextClass> context_classes(ContextOrder order) {
  const std::vector<Rgb> colors = ade20k_palette(context_ids.size() + 1);  // the first is the background's
  const std::vector<std::string> names = split(context_names);
  std::vector<ContextClass> classes;
  for (size_t c = 0; c < names.size(); ++c)
    classes.push_back({context_ids[c], {names[c], colors[c + 1]}});
  if (order == ContextOrder::by_id) return classes;
  std::vector<ContextClass> ordered;
  for (const std::string& name : split(context_names_fcn))
    ordered.push_back(*std::find_if(classes.begin(), classes.end(),
                                    [&](const ContextClass& c) { return c.info.name == name; }));
  return ordered;
}

}  // namespace vitrail
