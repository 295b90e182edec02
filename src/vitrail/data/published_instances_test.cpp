// Data sets of numbered objects in their real layout on disk: four pictures each, written here.

#include "vitrail/data/published_instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int64_t height = 12, width = 16;

/// Two objects: a rectangle 4 wide and 3 high at (2, 1), and one pixel at (10, 8).
LabelMap numbers(uint16_t first, uint16_t second) {
  LabelMap map(height, width);
  for (int64_t y = 1; y < 4; ++y)
    for (int64_t x = 2; x < 6; ++x)
      map.at(y, x) = first;
  map.at(8, 10) = second;
  return map;
}

void write_picture(const fs::path& path) {
  fs::create_directories(path.parent_path());
  write_png(path, Image(height, width, 3, 90));
}

void write_numbers(const fs::path& path, const LabelMap& map) {
  fs::create_directories(path.parent_path());
  write_label_map(path, map);
}

std::string refusal(const std::string& spec, const std::string& split) {
  try {
    const auto data = open_instance_dataset(spec, split);
    for (int64_t i = 0; i < data->size(); ++i)
      data->load(i);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

class PennFudan : public testing::Test {
 protected:
  PennFudan() {
    for (int i = 1; i <= 5; ++i) {
      const std::string name = cat("FudanPed0000", i);
      write_picture(folder_ / ("PennFudanPed/PNGImages/" + name + ".png"));
      write_numbers(folder_ / ("PennFudanPed/PedMasks/" + name + "_mask.png"), numbers(1, 2));
      write_file_atomically(
          folder_ / ("PennFudanPed/Annotation/" + name + ".txt"),
          "# Top left pixel co-ordinates : (1, 1)\n"
          "Bounding box for object 1 \"PASpersonWalking\" (Xmin, Ymin) - (Xmax, Ymax) : (3, "
          "2) - (6, 4)\n"
          "Bounding box for object 2 \"PASpersonWalking\" (Xmin, Ymin) - (Xmax, Ymax) : "
          "(10, 8) - (12, 10)\n");
    }
  }
  std::string spec() const { return "penn-fudan:" + folder_.path().string(); }
  TemporaryFolder folder_;
};

TEST_F(PennFudan, HasMasksFromPngsAndBoxesFromTexts) {
  const auto data = open_instance_dataset(spec(), "all");
  ASSERT_EQ(data->size(), 5);
  EXPECT_EQ(data->classes()[0].name, "person");
  const InstanceSample sample = data->load(2);
  EXPECT_EQ(sample.name, "FudanPed00003");
  EXPECT_EQ(sample.id, 3);
  ASSERT_EQ(sample.instances.size(), 2u);
  EXPECT_EQ(sample.instances[0].box, (Box{2, 1, 6, 4}));
  EXPECT_EQ(sample.instances[0].area, 12);
  EXPECT_EQ(sample.instances[1].box, (Box{9, 7, 12, 10})) << "as the text says, though the mask is one pixel";
  EXPECT_EQ(area(sample.instances[1].mask), 1);
  EXPECT_NE(sample.instances[0].id, sample.instances[1].id);
  EXPECT_EQ(open_instance_dataset(spec(), "train")->size(), 4);
  EXPECT_EQ(open_instance_dataset(spec(), "val")->name(0), "FudanPed00005");
  EXPECT_EQ(open_instance_dataset(spec(), "train+val")->size(), 5);
}

TEST_F(PennFudan, NamesWhatIsWrong) {
  write_file_atomically(folder_ / "PennFudanPed/Annotation/FudanPed00002.txt",
                        "\nBounding box for object 1 \"x\" (Xmin, Ymin) - (Xmax, Ymax) : (6, 2) - (3, 4)\n");
  EXPECT_THAT(refusal(spec(), "all"), HasSubstr("FudanPed00002.txt:2"));
  fs::remove(folder_ / "PennFudanPed/PedMasks/FudanPed00001_mask.png");
  EXPECT_THAT(refusal(spec(), "all"), HasSubstr("FudanPed00001_mask.png"));
  EXPECT_THAT(refusal(spec(), "test"), HasSubstr("val"));
}

TEST(Dsb2018Instances, EveryNumberIsANucleus) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b", "c", "d"}) {
    write_picture(folder / cat("images/", name, ".png"));
    write_numbers(folder / cat("instances/", name, ".png"), numbers(7, 300));
  }
  write_file_atomically(folder / "train.txt", "a.png\nb.png\nc.png\n");
  write_file_atomically(folder / "val.txt", "d.png\n");
  const auto data = open_instance_dataset("dsb2018:" + folder.path().string(), "train");
  ASSERT_EQ(data->size(), 3);
  const InstanceSample sample = data->load(0);
  ASSERT_EQ(sample.instances.size(), 2u);
  EXPECT_EQ(sample.instances[1].box, (Box{10, 8, 11, 9}));
  write_numbers(folder / "instances/b.png", LabelMap(height, width + 1));
  EXPECT_THAT(refusal("dsb2018:" + folder.path().string(), "train"), HasSubstr("b.png"));
}

TEST(CityscapesInstances, NumbersAreClassesAndGroupsAreCrowds) {
  const TemporaryFolder folder;
  const std::vector<LabelMap> maps = {numbers(24000, 26001), numbers(26, 33002), numbers(7, 21),
                                      numbers(29001, 31000)};
  for (int i = 0; i < 4; ++i) {
    const std::string frame = cat("aachen_00000", i, "_000019");
    write_picture(folder / cat("leftImg8bit/val/aachen/", frame, "_leftImg8bit.png"));
    write_numbers(folder / cat("gtFine/val/aachen/", frame, "_gtFine_labelIds.png"), numbers(24, 26));
    write_numbers(folder / cat("gtFine/val/aachen/", frame, "_gtFine_instanceIds.png"),
                  maps[static_cast<size_t>(i)]);
  }
  const auto data = open_instance_dataset("cityscapes:" + folder.path().string(), "val");
  ASSERT_EQ(data->size(), 4);
  ASSERT_EQ(data->classes().size(), 8u);
  EXPECT_EQ(data->classes()[2].name, "car");
  EXPECT_EQ(data->category_of(7), 33);
  const InstanceSample first = data->load(0), groups = data->load(1);
  ASSERT_EQ(first.instances.size(), 2u);
  EXPECT_EQ(first.instances[0].class_index, 0);
  EXPECT_EQ(first.instances[1].class_index, 2);
  EXPECT_FALSE(first.instances[0].crowd);
  ASSERT_EQ(groups.instances.size(), 2u);
  EXPECT_TRUE(groups.instances[0].crowd);
  EXPECT_EQ(groups.instances[1].class_index, 7);
  EXPECT_TRUE(data->load(2).instances.empty()) << "roads and trees are no objects";
  EXPECT_EQ(data->load(3).instances.size(), 1u) << "caravans are not evaluated";
}

}  // namespace
}  // namespace vitrail
