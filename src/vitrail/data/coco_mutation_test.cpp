// Three hundred damaged COCO files and pictures: whatever is refused is refused by name, and nothing crashes.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mutate.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco_file.h"
#include "vitrail/data/coco_results.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/image/image_file.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

Json healthy() {
  return Json::parse(R"({
    "images": [{"id": 1, "file_name": "a.png", "height": 12, "width": 16}],
    "annotations": [
      {"id": 1, "image_id": 1, "category_id": 3, "iscrowd": 0, "area": 6, "bbox": [1, 1, 3, 2],
       "segmentation": [[1, 1, 4.5, 1, 4.5, 3, 1, 3], [8, 8, 9, 8, 9, 9.25]]},
      {"id": 2, "image_id": 1, "category_id": 3, "iscrowd": 1, "area": 192, "bbox": [0, 0, 16, 12],
       "segmentation": {"size": [12, 16], "counts": [5, 100, 7, 80]}},
      {"id": 3, "image_id": 1, "category_id": 3, "area": 2, "bbox": [0, 5, 1, 2],
       "segmentation": {"size": [12, 16], "counts": "52i5"}}],
    "categories": [{"id": 3, "name": "cat"}]})");
}

/// Every value of a JSON document, by pointer.
void pointers_of(const Json& json, const Json::json_pointer& at, std::vector<Json::json_pointer>& pointers) {
  pointers.push_back(at);
  if (json.is_object())
    for (const auto& [key, value] : json.items())
      pointers_of(value, at / key, pointers);
  if (json.is_array())
    for (size_t i = 0; i < json.size(); ++i)
      pointers_of(json[i], at / i, pointers);
}

/// The document with one value replaced by one that nobody expects there, or removed.
Json with_a_strange_value(Json json, Random& random) {
  static const Json strange[] = {nullptr,
                                 true,
                                 -1,
                                 0,
                                 1e300,
                                 -1e300,
                                 9223372036854775807,
                                 18446744073709551615u,
                                 "",
                                 "~~~~",
                                 "oooooooooooooooooooo",
                                 Json::array(),
                                 Json::object(),
                                 Json::array({Json::array()}),
                                 0.5,
                                 -0.0,
                                 4294967296};
  std::vector<Json::json_pointer> pointers;
  pointers_of(json, Json::json_pointer(), pointers);
  const auto& at = pointers[static_cast<size_t>(random.integer(1, std::ssize(pointers) - 1))];
  if (random.chance(0.2)) {
    Json& parent = json[at.parent_pointer()];
    if (parent.is_object())
      parent.erase(at.back());
    else
      parent.erase(static_cast<size_t>(std::stoull(at.back())));
    return json;
  }
  json[at] = strange[random.integer(0, std::ssize(strange) - 1)];
  return json;
}

class CocoMutation : public testing::Test {
 protected:
  CocoMutation() {
    Image picture(12, 16);
    for (uint8_t& v : picture.pixels)
      v = static_cast<uint8_t>(random_.integer(0, 255));
    write_png(folder_ / "a.png", picture);
    write(file(), healthy().dump());
  }
  std::filesystem::path file() const { return folder_.path() / "instances.json"; }
  static void write(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  /// Reads everything; whether it was refused, which must be in the name of one of the files.
  bool is_refused(const std::string& what) const {
    try {
      const auto data = open_instance_dataset("coco:" + file().string(), "");
      for (int64_t i = 0; i < data->size(); ++i) {
        const InstanceSample sample = data->load(i);
        for (const Instance& instance : sample.instances) {
          EXPECT_EQ(instance.mask.height, sample.image.height) << what;
          EXPECT_LT(instance.class_index, std::ssize(data->classes())) << what;
          EXPECT_LE(area(instance.mask), sample.image.height * sample.image.width) << what;
        }
      }
      return false;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), StartsWith(folder_.path().string())) << what;
      EXPECT_GT(std::string(e.what()).size(), folder_.path().string().size() + 20) << what;
      return true;
    }
  }

  TemporaryFolder folder_;
  Random random_{11};
};

TEST_F(CocoMutation, HealthyOnesAreRead) {
  ASSERT_FALSE(is_refused("healthy"));
}

TEST_F(CocoMutation, DamagedBytes) {
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string bytes = mutated(healthy().dump(), random_);
    write(file(), bytes);
    refused += is_refused(bytes) ? 1 : 0;
  }
  EXPECT_GT(refused, 50);
}

TEST_F(CocoMutation, StrangeValuesAreRefusedByKey) {
  int refused = 0;
  for (int i = 0; i < 150; ++i) {
    const Json json = with_a_strange_value(healthy(), random_);
    write(file(), json.dump());
    refused += is_refused(json.dump()) ? 1 : 0;
    // Whoever asks for all faults gets through, whatever they are.
    try {
      read_coco_file(file(), [](const CocoFault&) {});
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), StartsWith(file().string()));
    }
  }
  EXPECT_GT(refused, 90);
}

TEST_F(CocoMutation, DamagedPictures) {
  std::ifstream stream(folder_ / "a.png", std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    write(folder_ / "a.png", mutated(good, random_));
    refused += is_refused(cat("picture ", i)) ? 1 : 0;
  }
  EXPECT_GT(refused, 40) << "PNG guards its chunks with checksums";
}

TEST_F(CocoMutation, DamagedResults) {
  const std::vector<CocoResult> results = {
      {.image_id = 1,
       .category_id = 3,
       .bbox = {1, 2, 3, 4},
       .mask = rle_from_counts({5, 2, 9}, 4, 4, ""),
       .score = 0.25},
      {.image_id = 1, .category_id = 3, .bbox = {1.5, 2, 3, 4}, .mask = std::nullopt, .score = 0.125}};
  const Json good = Json::parse(coco_results_json(results));
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    write(file(), i % 2 == 0 ? mutated(good.dump(), random_) : with_a_strange_value(good, random_).dump());
    try {
      read_coco_results(file());
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), StartsWith(file().string()));
      ++refused;
    }
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace vitrail
