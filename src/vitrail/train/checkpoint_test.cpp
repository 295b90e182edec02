#include "vitrail/train/checkpoint.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/train/log.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class CheckpointFiles : public testing::Test {
 protected:
  static Checkpoint example(int64_t step) {
    Checkpoint checkpoint;
    checkpoint.step = step;
    checkpoint.model["a.weight"] = Tensor::from<float>({2, 2}, std::vector<float>{1, 2, 3, float(step)});
    checkpoint.optimizer["a.weight/mean"] = Tensor::from<float>({1}, std::vector<float>{0.1f});
    checkpoint.optimizer["step"] = Tensor::from<int64_t>({1}, std::vector<int64_t>{step});
    checkpoint.average["a.weight"] = Tensor::from<float>({1}, std::vector<float>{7});
    checkpoint.best_score = 0.1 + 0.2;
    checkpoint.best_step = 3;
    checkpoint.seconds = 12.5;
    checkpoint.recipe = "[net]\nname = \"ü\"\n";
    checkpoint.environment = {{"libtorch", "1"}};
    checkpoint.history.train = {{.step = 2, .loss = 1.0 / 3, .parts = {{"dice", 0.25}}, .rate = 1e-3}};
    checkpoint.history.evaluations = {
        {.step = 2, .figures = {{"mean_iou", std::nullopt}}, .class_scores = {0.5, std::nullopt}}};
    return checkpoint;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename().string());
    return names;
  }
  std::string fault() const {
    try {
      read_checkpoint(folder_, "last");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  void damage(const std::string& file, const std::string& bytes) const {
    std::ofstream(folder_ / file, std::ios::binary) << bytes;
  }

  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(CheckpointFiles, ReadWhatWasWritten) {
  EXPECT_FALSE(read_checkpoint(folder_, "last").has_value());
  const Checkpoint written = example(5);
  write_checkpoint(folder_, "last", written);
  const auto read = read_checkpoint(folder_, "last");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->step, 5);
  ASSERT_EQ(read->model.size(), 1u);
  EXPECT_EQ(read->model.at("a.weight").shape(), (Shape{2, 2}));
  EXPECT_EQ(read->model.at("a.weight").data<float>()[3], 5.0f);
  EXPECT_EQ(read->optimizer.size(), 2u);
  EXPECT_EQ(read->optimizer.at("step").data<int64_t>()[0], 5);
  EXPECT_EQ(read->average.at("a.weight").data<float>()[0], 7.0f);
  EXPECT_EQ(read->best_score, written.best_score);  // bit for bit: a resumed run compares with it
  EXPECT_EQ(read->best_step, 3);
  EXPECT_EQ(read->recipe, written.recipe);
  EXPECT_EQ(read->environment, written.environment);
  ASSERT_EQ(read->history.train.size(), 1u);
  EXPECT_EQ(read->history.train[0].loss, 1.0 / 3);
  EXPECT_EQ(read->history.train[0].parts.at("dice"), 0.25);
  ASSERT_EQ(read->history.evaluations.size(), 1u);
  EXPECT_FALSE(read->history.evaluations[0].score().has_value());
  EXPECT_EQ(read->history.evaluations[0].class_scores,
            (std::vector<std::optional<double>>{0.5, std::nullopt}));
}

TEST_F(CheckpointFiles, OnlyTheNewestOfANameStays) {
  write_checkpoint(folder_, "last", example(5));
  write_checkpoint(folder_, "best", example(5));
  write_checkpoint(folder_, "last", example(10));
  EXPECT_THAT(files(), UnorderedElementsAre("last.json", "last-00000010.safetensors", "best.json",
                                            "best-00000005.safetensors"));
  EXPECT_EQ(read_checkpoint(folder_, "last")->step, 10);
}

TEST_F(CheckpointFiles, TensorsWithoutTheirJsonDoNotCountAndAreRemoved) {
  write_checkpoint(folder_, "last", example(5));
  const std::string state = read_file(folder_ / "last.json");
  const std::string tensors = read_file(folder_ / "last-00000005.safetensors");
  // What a kill leaves between the two writes, and during each.
  damage("last-00000010.safetensors", tensors);
  damage("last-00000015.safetensors.Xy12ab", tensors.substr(0, 40));
  damage("last.json.Qq34cd", state.substr(0, 10));
  damage("last-notes.txt", "the user's own");
  EXPECT_EQ(read_checkpoint(folder_, "last")->step, 5);
  remove_leftovers(folder_, "last");
  EXPECT_THAT(files(), UnorderedElementsAre("last.json", "last-00000005.safetensors", "last-notes.txt"));
  EXPECT_EQ(read_checkpoint(folder_, "last")->step, 5);
}

TEST_F(CheckpointFiles, DamageIsNamed) {
  write_checkpoint(folder_, "last", example(5));
  const std::string name = "last-00000005.safetensors";
  const std::string state = read_file(folder_ / "last.json"), tensors = read_file(folder_ / name);

  std::string flipped = tensors;
  flipped.back() ^= 1;
  damage(name, flipped);
  EXPECT_THAT(fault(), testing::AllOf(HasSubstr(name), HasSubstr("checksum")));
  damage(name, tensors.substr(0, tensors.size() - 1));
  EXPECT_THAT(fault(), testing::AllOf(HasSubstr(name), HasSubstr("bytes")));
  fs::remove(folder_ / name);
  EXPECT_THAT(fault(), HasSubstr(name));
  damage(name, tensors);

  for (const size_t size : {size_t{0}, size_t{1}, state.size() / 2}) {
    damage("last.json", state.substr(0, size));
    EXPECT_THAT(fault(), HasSubstr("last.json")) << size;
  }
  damage("last.json", "{\"format\": 2, \"step\": \"five\"}");
  EXPECT_THAT(fault(), HasSubstr("malformed"));
  damage("last.json", "{\"format\": 99}");
  EXPECT_THAT(fault(), HasSubstr("format 99"));
}

TEST_F(CheckpointFiles, ATensorsFileElsewhereIsRefused) {
  write_checkpoint(folder_, "last", example(5));
  std::string state = read_file(folder_ / "last.json");
  const std::string name = "last-00000005.safetensors";
  state.replace(state.find(name), name.size(), "../" + name);
  damage("last.json", state);
  EXPECT_THAT(fault(), HasSubstr("plain file name"));
}

TEST_F(CheckpointFiles, AResumedLogHasEveryStepOnce) {
  const fs::path path = folder_ / "log.jsonl";
  {
    JsonLog log(path, 0);
    for (const int64_t step : {10, 20, 30})
      log.write(TrainPoint{.step = step, .loss = 1});
    log.write(
        EvaluationPoint{.step = 30, .figures = {{"mean_iou", 0.5}}, .class_scores = {0.5, std::nullopt}},
        {"sky"});
  }
  EXPECT_THAT(read_file(path), HasSubstr("\"class_iou\":{\"sky\":0.5,\"1\":null}"));
  std::ofstream(path, std::ios::app) << "{\"kind\":\"train\",\"st";  // cut short by a kill
  { JsonLog log(path, 20); }
  std::istringstream lines(read_file(path));
  std::vector<std::string> kept;
  for (std::string line; std::getline(lines, line);)
    kept.push_back(line);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_THAT(kept[1], HasSubstr("\"step\":20"));
  { JsonLog log(path, 0); }
  EXPECT_EQ(read_file(path), "");
}

}  // namespace
}  // namespace vitrail::train
