#pragma once
// Average precision and recall of found objects, as COCO's evaluation computes them (SPEC 12, 15.8).
//
//   CocoEvaluator evaluator(80);
//   evaluator.add(image_id, truth, found);            // picture after picture, in any order
//   CocoScores s = evaluator.scores();
//   s.average_precision({});                          // AP over IoU 0.50:0.95
//   s.average_precision({.threshold = 0});            // AP50
//   s.average_recall({.area = CocoArea::small, .class_index = 3});
//
// Every figure equals pycocotools' (COCOeval), with two differences that its users met:
// - There an object whose id is 0 counts as never found, because its id is taken for "unmatched". Here it is
//   found like any other; `id_zero_is_unmatched` gives pycocotools' figure.
// - There results that have boxes and masks are measured by the area of the box in both evaluations, unless
//   the boxes are taken out of the file first, as is usual. Here masks are measured by their own area.
// Where there is no object to be found a figure is absent: nothing here, -1 there.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "vitrail/image/rle.h"

namespace vitrail {

/// What the overlap of two objects is measured on.
enum class OverlapOf {
  boxes,
  masks,
  boundaries,  ///< Boundary IoU (Cheng et al. 2021): the smaller of the masks' IoU and that of their edges
};
std::string_view name_of(OverlapOf overlap);

struct TrueObject {
  int64_t class_index = 0;
  std::array<double, 4> box_xywh{};  ///< pixels; read for OverlapOf::boxes alone
  Rle mask;                          ///< read for the others
  bool crowd = false;                ///< found or not, it does not count; it excuses any number of finds
  double area = 0;                   ///< pixels, as annotated: decides small, medium, large
  int64_t id = 1;
};

struct FoundObject {
  int64_t class_index = 0;
  std::array<double, 4> box_xywh{};
  Rle mask;
  double score = 0;
};

/// Ranges of areas, in pixels. Both ends belong to a range, so 32 x 32 is small and medium.
enum class CocoArea { all, small, medium, large };
constexpr std::array<CocoArea, 4> coco_areas = {CocoArea::all, CocoArea::small, CocoArea::medium,
                                                CocoArea::large};
std::string_view name_of(CocoArea area);
/// {0, 32^2, 96^2 ...}: the smallest and the largest area of a range.
std::array<double, 2> limits_of(CocoArea area);

/// 0.50, 0.55 ... 0.95, to the last bit as pycocotools has them.
constexpr size_t coco_thresholds = 10;
const std::array<double, coco_thresholds>& coco_iou_thresholds();

/// Best finds of a class in a picture that count.
constexpr std::array<int64_t, 3> coco_most_found = {1, 10, 100};

struct CocoOptions {
  OverlapOf overlap = OverlapOf::masks;
  bool id_zero_is_unmatched = false;  ///< as pycocotools counts objects with id 0
  double boundary_width = 0.02;       ///< of the picture's diagonal, for OverlapOf::boundaries
};

/// Which figure: a mean over what is not chosen.
struct CocoFigure {
  std::optional<size_t> threshold = std::nullopt;  ///< index into coco_iou_thresholds(): 0 = 0.50, 5 = 0.75
  CocoArea area = CocoArea::all;
  int64_t most_found = 100;                           ///< one of coco_most_found
  std::optional<int64_t> class_index = std::nullopt;  ///< one class instead of the mean over those present
};

class CocoScores {
 public:
  std::optional<double> average_precision(const CocoFigure& figure) const;
  std::optional<double> average_recall(const CocoFigure& figure) const;
  /// COCO's twelve: AP, AP50, AP75, AP small, medium, large, AR with 1, 10 and 100 finds, AR small, medium,
  /// large.
  std::array<std::optional<double>, 12> summary() const;
  /// The ten at one threshold: AP, AP small, medium, large, AR with 1, 10, 100 finds, AR small, medium,
  /// large.
  std::array<std::optional<double>, 10> at_threshold(size_t threshold) const;

  int64_t classes() const { return classes_; }
  int64_t images() const { return images_; }
  OverlapOf overlap() const { return overlap_; }
  /// Objects that count in a range, over all pictures.
  int64_t true_objects(int64_t class_index, CocoArea area = CocoArea::all) const;
  int64_t found_objects(int64_t class_index) const;

 private:
  friend class CocoEvaluator;
  explicit CocoScores(int64_t classes);
  size_t place(size_t threshold, int64_t class_index, size_t area, size_t most) const;
  std::optional<double> mean(const std::vector<double>& values, const CocoFigure& figure) const;

  int64_t classes_ = 0, images_ = 0;
  OverlapOf overlap_ = OverlapOf::masks;
  std::vector<double> precision_, recall_;  // by place(); below 0 where there is no object
  std::vector<int64_t> true_, found_;
};

/// Keeps of a picture what the figures need, not its masks. One thread at a time.
class CocoEvaluator {
 public:
  explicit CocoEvaluator(int64_t classes, const CocoOptions& options = {});

  /// Throws Error(usage) for a picture that is there already or a class out of range, Error(numeric) for a
  /// score, box or area that is not finite, Error(shape) for masks of different sizes.
  void add(int64_t image_id, const std::vector<TrueObject>& truth, const std::vector<FoundObject>& found);
  CocoScores scores() const;

 private:
  /// A find, and at which thresholds it is right or does not count; one bit for each.
  struct Find {
    double score;
    uint16_t right, excused;
  };
  struct Cell {  // one class in one picture, in one range of areas
    int64_t image_id;
    int64_t true_objects;
    std::vector<Find> finds;  // best first
  };
  Cell match(int64_t image_id, const std::vector<const TrueObject*>& truth,
             const std::vector<const FoundObject*>& found, const std::vector<double>& overlaps,
             CocoArea area) const;
  std::vector<Cell>& cells(int64_t class_index, size_t area);
  static void accumulate(const std::vector<Cell>& cells, int64_t class_index, size_t area,
                         CocoScores& scores);

  int64_t classes_;
  CocoOptions options_;
  std::vector<int64_t> image_ids_;        // ascending
  std::vector<std::vector<Cell>> cells_;  // by class and area
};

}  // namespace vitrail
