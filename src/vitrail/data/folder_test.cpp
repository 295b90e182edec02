#include "vitrail/data/folder.h"

#include <set>

#include <gtest/gtest.h>
#include <message_of.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;
const fs::path fixture = fs::path(VITRAIL_SOURCE_DIR) / "tests/fixtures/folder";

void expect_mentions(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

/// One 6x4 picture, whose labels are all 0 but one.
void write_small(const TemporaryFolder& folder, uint16_t odd_label, const std::string& classes) {
  write_png(folder / "images/a.png", Image(4, 6));
  LabelMap labels(4, 6);
  labels.at(2, 5) = odd_label;
  write_label_map(folder / "masks/a.png", labels);
  write_file_atomically(folder / "classes.txt", classes);
}

std::string spec(const TemporaryFolder& folder) {
  return "folder:" + folder.path().string();
}

TEST(Folder, ReadsPaletteGreyAndColourMasksAlike) {
  const std::string all = "folder:" + fixture.string();
  const auto train = open_dataset(all, "train");
  ASSERT_EQ(train->size(), 3);
  ASSERT_EQ(train->classes().size(), 3u);
  EXPECT_EQ(train->classes()[1].name, "round thing");
  EXPECT_EQ(train->classes()[2].color, (Rgb{60, 120, 220}));
  for (int64_t i = 0; i < 3; ++i) {
    const Sample sample = train->load(i);
    EXPECT_EQ(sample.image.width, sample.labels.width);
    EXPECT_EQ(std::set<uint16_t>(sample.labels.labels.begin(), sample.labels.labels.end()),
              (std::set<uint16_t>{0, 1, 2, 255}))
        << sample.name;
    int64_t blue = 0, boxes = 0;  // boxes are painted blue; JPEG may blur a few at the edge
    for (int64_t y = 0; y < sample.image.height; ++y)
      for (int64_t x = 0; x < sample.image.width; ++x)
        if (sample.labels.at(y, x) == 2) {
          ++boxes;
          blue += sample.image.at(y, x)[2] > 150 && sample.image.at(y, x)[0] < 110;
        }
    EXPECT_GT(static_cast<double>(blue), 0.8 * static_cast<double>(boxes)) << sample.name;
  }
  EXPECT_EQ(open_dataset(all, "val")->name(0), "shape_d");
  EXPECT_EQ(open_dataset(all, "all")->size(), 4);
  EXPECT_EQ(open_dataset(all, "train+val")->size(), 4);
}

TEST(Folder, AnUndeclaredLabelIsRefusedByFilePixelAndAdvice) {
  const TemporaryFolder folder;
  write_small(folder, 2, "0 ground\n1 thing\n");
  const auto data = open_dataset(spec(folder), "all");
  expect_mentions(message_of([&] { data->load(0); }),
                  {"masks/a.png", "label 2 at (5,2)", "2 classes are declared (0..1), 255 is ignored",
                   "label_map", "declare 3 classes"});
}

TEST(Folder, ALabelMapReplacesTheLabels) {
  const TemporaryFolder folder;
  write_small(folder, 255, "0 ground\n1 thing\n");
  EXPECT_EQ(open_dataset(spec(folder), "all")->load(0).labels.at(2, 5), 255);
  const auto mapped = open_dataset(spec(folder), "all", {.label_map = {{0, 0}, {255, 1}}});
  EXPECT_EQ(mapped->load(0).labels.at(2, 5), 1);
  const auto partial = open_dataset(spec(folder), "all", {.label_map = {{0, 255}}});
  expect_mentions(message_of([&] { partial->load(0); }), {"label 255 at (5,2)", "declares 0"});
  expect_mentions(message_of([&] {
                    open_dataset(spec(folder), "all", {.label_map = {{0, 2}}});
                  }),
                  {"label 0 is mapped to 2", "0..1"});
}

TEST(Folder, UnlikeSizesAreRefused) {
  const TemporaryFolder folder;
  write_small(folder, 0, "0 ground\n");
  write_png(folder / "images/a.png", Image(4, 7));
  expect_mentions(message_of([&] { open_dataset(spec(folder), "all")->load(0); }),
                  {"masks/a.png", "6x4", "7x4"});
}

TEST(Folder, AnImageWithoutLabelsIsNotLeftOutSilently) {
  const TemporaryFolder folder;
  write_small(folder, 0, "0 ground\n");
  write_png(folder / "images/b.png", Image(4, 6));
  expect_mentions(message_of([&] { open_dataset(spec(folder), "all"); }),
                  {"1 images have no labels", "b.png"});
  write_file_atomically(folder / "train.txt", "a\n");
  EXPECT_EQ(open_dataset(spec(folder), "train")->size(), 1);
}

TEST(Folder, BadListsAndTablesAreRefusedByLine) {
  const TemporaryFolder folder;
  write_small(folder, 0, "0 ground\n");
  write_file_atomically(folder / "train.txt", "# list\na\n\nmissing.jpg\n");
  expect_mentions(message_of([&] { open_dataset(spec(folder), "train"); }), {"train.txt:4", "missing.jpg"});
  const std::vector<std::pair<std::string, std::string>> tables{
      {"0 a\nx b\n", "classes.txt:2"},      {"0 a\n0 b\n", "declared twice"},
      {"0 a\n2 b\n", "class 1 is missing"}, {"0\n", "no name"},
      {"# nothing\n", "no class"},          {"99999 a\n", "not a class index"},
      {"0 a\n1 Gru\xdf\n", "not UTF-8"},    {"\377\3760 a\n", "not UTF-8"}};
  for (const auto& [table, expected] : tables) {
    write_file_atomically(folder / "classes.txt", table);
    expect_mentions(message_of([&] { open_dataset(spec(folder), "all"); }), {"classes.txt", expected});
  }
}

TEST(Folder, AByteOrderMarkIsNoPartOfAFile) {
  const TemporaryFolder folder;
  write_small(folder, 0, "\357\273\2770 Gru\xc3\x9f\r\n");
  write_file_atomically(folder / "train.txt", "\357\273\277a\r\n");
  EXPECT_EQ(open_dataset(spec(folder), "train")->classes()[0].name, "Gru\xc3\x9f");
}

TEST(Folder, ClassesWithoutColoursGetDifferentOnes) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "classes.txt", "1 b c 7\r\n0 a\r\n2 d 1 2 3 # sea\r\n");
  const ClassTable table = read_class_table(folder / "classes.txt");
  ASSERT_EQ(table.classes.size(), 3u);
  EXPECT_EQ(table.classes[1].name, "b c 7");
  EXPECT_EQ(table.classes[2].name, "d");
  EXPECT_EQ(table.classes[2].color, (Rgb{1, 2, 3}));
  EXPECT_NE(table.classes[0].color, table.classes[1].color);
  EXPECT_FALSE(table.ignore_color);
}

TEST(Dataset, UnknownNamesAndSplitsListWhatExists) {
  expect_mentions(message_of([] { open_dataset("camvit:/x", "train"); }),
                  {"camvit", "Did you mean 'camvid'", "folder"});
  expect_mentions(message_of([] { open_dataset("camvid", "train"); }), {"no path", "NAME:PATH"});
  expect_mentions(message_of([] { open_dataset("camvid:/x", "trian"); }), {"trian", "train, val, test"});
  expect_mentions(message_of([] { open_dataset("camvid:/no/such", "train"); }),
                  {"/no/such", "no such folder"});
  expect_mentions(message_of([] { open_dataset("folder:/no/such", "train"); }), {"/no/such", "images"});
  expect_mentions(message_of([] { open_dataset("folder:" + fixture.string(), "tran"); }),
                  {"Did you mean 'train'", "val"});
  expect_mentions(message_of([] { open_dataset("folder:" + fixture.string(), "val+val"); }), {"twice"});
}

}  // namespace
}  // namespace vitrail
