#include "vitrail/weights/model_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mutate.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
using Metadata = std::map<std::string, std::string>;

ModelInfo street() {
  ModelInfo info;
  info.architecture = "mobilenet-x0.5-fcn8";
  info.classes = {{"sky", {128, 128, 128}}, {"a \"quoted\" name", {0, 255, 1}}, {"Straße", {64, 0, 128}}};
  info.preprocessing = {.order = ChannelOrder::bgr,
                        .mean = {104.00699, 116.66877, 0.1 + 0.2},
                        .std = {1, 58.395, 1.0 / 3},
                        .multiple = 32,
                        .height = 360,
                        .width = 480};
  info.label_map = {{0, 0}, {7, 2}, {11, 255}, {255, 255}};
  info.dataset = "camvid";
  info.recipe = "[train]\nsteps = 10\n";
  info.notes = {{"licence", "CC0"}, {"mean_iou", "60.1"}};
  return info;
}

void expect_equal(const ModelInfo& a, const ModelInfo& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.task, b.task);
  ASSERT_EQ(a.classes.size(), b.classes.size());
  for (size_t c = 0; c < a.classes.size(); ++c) {
    EXPECT_EQ(a.classes[c].name, b.classes[c].name);
    EXPECT_EQ(a.classes[c].color, b.classes[c].color);
  }
  EXPECT_EQ(a.preprocessing.order, b.preprocessing.order);
  EXPECT_EQ(a.preprocessing.mean, b.preprocessing.mean) << "every bit of a double survives";
  EXPECT_EQ(a.preprocessing.std, b.preprocessing.std);
  EXPECT_EQ(a.preprocessing.multiple, b.preprocessing.multiple);
  EXPECT_EQ(a.preprocessing.height, b.preprocessing.height);
  EXPECT_EQ(a.preprocessing.width, b.preprocessing.width);
  EXPECT_EQ(a.label_map, b.label_map);
  EXPECT_EQ(a.dataset, b.dataset);
  EXPECT_EQ(a.recipe, b.recipe);
  EXPECT_EQ(a.notes, b.notes);
}

TEST(ModelInfo, RoundTripsThroughTextPairs) {
  const Metadata metadata = metadata_from_info(street());
  EXPECT_TRUE(has_model_info(metadata));
  expect_equal(info_from_metadata(metadata, "street.onnx"), street());
  ModelInfo grey = street();
  grey.task = Task::instance;
  grey.preprocessing.order = ChannelOrder::grey;
  grey.preprocessing.mean = {127.5};
  grey.preprocessing.std = {127.5};
  expect_equal(info_from_metadata(metadata_from_info(grey), "cells.onnx"), grey);
}

TEST(ModelInfo, EveryChannelsStatisticsAreKept) {
  for (const size_t channels : {2, 4, 13, 64}) {
    ModelInfo info = street();
    info.preprocessing.order = channels > 2 ? ChannelOrder::bgr : ChannelOrder::rgb;
    info.preprocessing.mean.assign(channels, 0.1);
    info.preprocessing.std.assign(channels, 3.3);
    expect_equal(info_from_metadata(metadata_from_info(info), "x.onnx"), info);
  }
  ModelInfo info = street();
  info.preprocessing.order = ChannelOrder::rgb;
  info.preprocessing.mean = {1, 2, 3, 4};
  EXPECT_THROW(info_from_metadata(metadata_from_info(info), "x.onnx"), Error) << "4 means, 3 deviations";
  info.preprocessing.mean.assign(65, 1);
  info.preprocessing.std.assign(65, 1);
  EXPECT_THROW(info_from_metadata(metadata_from_info(info), "x.onnx"), Error);
}

TEST(ModelInfo, APreprocessingIsKeptWithoutClassNames) {
  ModelInfo unnamed = street();
  unnamed.classes.clear();
  unnamed.label_map.clear();
  EXPECT_TRUE(is_described(unnamed));
  const Metadata metadata = metadata_from_info(unnamed);
  EXPECT_TRUE(has_model_info(metadata));
  expect_equal(info_from_metadata(metadata, "street.onnx"), unnamed);
  EXPECT_FALSE(is_described({})) << "a foreign network's preprocessing is not known";
}

TEST(ModelInfo, ForeignMetadataIsNotOurs) {
  EXPECT_FALSE(has_model_info({}));
  EXPECT_FALSE(has_model_info({{"format", "pt"}, {"author", "someone"}}));
  for (const auto* key : {"format", "task", "classes", "channel_order", "mean", "std"}) {
    Metadata metadata = metadata_from_info(street());
    metadata.erase(std::string("vitrail.") + key);
    EXPECT_FALSE(has_model_info(metadata)) << key;
    try {
      info_from_metadata(metadata, "m.onnx");
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::string("m.onnx: metadata vitrail.") + key + ": is missing"));
    }
  }
}

TEST(ModelInfo, WhatMayBeLeftOutHasAMeaning) {
  Metadata metadata = metadata_from_info(street());
  for (const auto* key :
       {"architecture", "palette", "multiple", "height", "width", "label_map", "dataset", "recipe"})
    metadata.erase(std::string("vitrail.") + key);
  metadata["somebody.else"] = "x";
  const ModelInfo info = info_from_metadata(metadata, "m.onnx");
  EXPECT_EQ(info.preprocessing.multiple, 1);
  EXPECT_EQ(info.preprocessing.height, 0);
  EXPECT_TRUE(info.label_map.empty());
  EXPECT_EQ(info.classes.size(), 3u);
}

TEST(ModelInfo, MalformedValuesAreRefusedByName) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> bad{
      {"format", {"", "0", "one", "1.5", "99999999999999999999"}},
      {"task", {"", "Semantic", "detection"}},
      {"classes", {"", "{}", "[1]", "[\"a\",]", "\"a\"", "[\"a\"", "[\"\xff\"]", "[[\"a\"]]", "[[[[1]]]]"}},
      {"palette",
       {"", "[]", "[[0,0,0]]", "[[0,0,0],[0,0,0],[0,0]]", "[[0,0,0],[0,0,0],[0,0,256]]",
        "[[0,0,0],[0,0,0],[0,0,-1]]", "[[0,0,0],[0,0,0],[0,0,1.5]]", "[[0,0,0],[0,0,0],[0,0,0],[0,0,0]]",
        "[0,0,0]"}},
      {"channel_order", {"", "RGB", "rgba"}},
      {"mean",
       {"", "[]", "[1,2]", "[1,2,3,4]", "[1,2,\"3\"]", "[1,2,1e400]", "[1,2,nan]", "[1,2,null]",
        "[1,2,1e9]"}},
      {"std",
       {"", "[1,2]", "[1,2,0]", "[1,2,-1]", "[1,2,1e400]", "[1,2,NaN]", "[1,2,Infinity]", "[1,2,true]"}},
      {"multiple", {"", "0", "-32", "1e3", "32 ", "999999"}},
      {"height", {"", "-1", "x", "99999999999"}},
      {"width", {"", "-1", "0x10"}},
      {"label_map",
       {"", "[]", "{\"a\":0}", "{\"-1\":0}", "{\"70000\":0}", "{\"0\":3}", "{\"0\":-1}", "{\"0\":\"1\"}",
        "{\"0\":1,\"0\":2}", "{\"0\":1,\"00\":2}", "{\"0\":1.0}"}}};
  for (const auto& [key, values] : bad)
    for (const std::string& value : values) {
      Metadata metadata = metadata_from_info(street());
      metadata["vitrail." + key] = value;
      try {
        info_from_metadata(metadata, "m.onnx");
        ADD_FAILURE() << key << " = " << value << " was accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::format) << error.what();
        EXPECT_THAT(error.what(), HasSubstr("m.onnx: metadata vitrail." + key + ": "));
      }
    }
}

TEST(ModelInfo, ANewerLayoutIsSaidToBeNewer) {
  Metadata metadata = metadata_from_info(street());
  metadata["vitrail.format"] = "2";
  try {
    info_from_metadata(metadata, "m.onnx");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  }
}

TEST(ModelInfo, DeepNestingIsRefusedWithoutBeingBuilt) {
  Metadata metadata = metadata_from_info(street());
  metadata["vitrail.classes"] = std::string(1 << 20, '[');
  EXPECT_THROW(info_from_metadata(metadata, "m.onnx"), Error);
}

TEST(ModelInfo, DamagedValuesAreRefusedOrUsable) {
  const Metadata good = metadata_from_info(street());
  Random random(5);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    Metadata metadata = good;
    auto victim = metadata.begin();
    std::advance(victim, random.integer(0, static_cast<int64_t>(metadata.size()) - 1));
    victim->second = mutated(victim->second, random);
    try {
      const ModelInfo info = info_from_metadata(metadata, "m.onnx");
      ASSERT_FALSE(info.classes.empty());
      for (const double std : info.preprocessing.std)
        ASSERT_GT(std, 0);
      for (const auto& [label, target] : info.label_map)
        ASSERT_TRUE(target == 255 || target < static_cast<int64_t>(info.classes.size()));
    } catch (const Error& error) {
      ++refused;
      ASSERT_THAT(error.what(), HasSubstr("m.onnx: metadata vitrail."));
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace vitrail
