#include "vitrail/train/trainer.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/checkpoint.h"
#include "vitrail/train/runtime.h"
#include "vitrail/train/setup.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Four 64 x 64 pictures with a disc and a box of clear colours on a noisy ground, as a `folder` data set.
void draw_shapes(const fs::path& root) {
  fs::create_directories(root / "images");
  fs::create_directories(root / "masks");
  std::ofstream(root / "classes.txt")
      << "0 ground 90 90 90\n1 disc 220 60 40\n2 box 60 120 220\n255 ignored 255 255 255\n";
  Random random(7);
  for (int n = 0; n < 4; ++n) {
    Image image(64, 64);
    LabelMap labels(64, 64);
    const int64_t cx = random.integer(18, 26), cy = random.integer(18, 46), bx = random.integer(36, 42);
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 0; x < 64; ++x) {
        const bool disc = (x - cx) * (x - cx) + (y - cy) * (y - cy) < 150;
        const bool box = x >= bx && x < bx + 20 && y >= 16 && y < 48;
        labels.at(y, x) = y == 0 ? LabelMap::ignore_label : disc ? 1 : box ? 2 : 0;
        const int base[3][3] = {{90, 90, 90}, {210, 70, 50}, {60, 110, 210}};
        for (int c = 0; c < 3; ++c)
          image.at(y, x)[c] = static_cast<uint8_t>(base[disc ? 1 : box ? 2 : 0][c] + random.integer(-20, 20));
      }
    write_png(root / "images" / cat("p", n, ".png"), image);
    write_label_map(root / "masks" / cat("p", n, ".png"), labels);
  }
}

Recipe small_recipe(const std::vector<std::string>& overrides = {}) {
  return parse_recipe(R"(
[net]
name = "mobilenet-x0.25-fcn8"
[data]
dataset = "folder"
train_split = "all"
val_split = "all"
[optimizer]
name = "adamw"
rate = 0.01
[train]
steps = 8
batch = 4
seed = 3
log_every = 2
[evaluate]
report_images = 1
)",
                      "small.toml", overrides);
}

class Training : public testing::Test {
 protected:
  static fs::path root() { return fs::path(testing::TempDir()) / cat("vitrail_trainer_test_", ::getpid()); }
  static void SetUpTestSuite() { draw_shapes(root() / "shapes"); }
  static void TearDownTestSuite() { fs::remove_all(root()); }
  void SetUp() override { configure_runtime({.threads = 2}); }

  static TrainOptions into(const std::string& name, bool resume = false) {
    return {
        .out_dir = root() / name, .resume = resume, .dataset = cat("folder:", (root() / "shapes").string())};
  }
  static std::string fault(const Recipe& recipe, const TrainOptions& options, ErrorKind kind) {
    try {
      Trainer(recipe, options).run();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    return "nothing was thrown";
  }
};

void expect_same_bits(const Weights& a, const Weights& b) {
  ASSERT_FALSE(a.empty());
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    ASSERT_EQ(tensor.shape(), b.at(name).shape()) << name;
    EXPECT_EQ(std::memcmp(tensor.raw(), b.at(name).raw(), static_cast<size_t>(tensor.bytes())), 0) << name;
  }
}

void expect_same_state(const fs::path& a, const fs::path& b) {
  const auto one = read_checkpoint(a, "last"), other = read_checkpoint(b, "last");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->step, other->step);
  EXPECT_EQ(one->best_score, other->best_score);
  expect_same_bits(one->model, other->model);
  expect_same_bits(one->optimizer, other->optimizer);
  EXPECT_EQ(one->average.empty(), other->average.empty());
  if (!one->average.empty()) expect_same_bits(one->average, other->average);
}

TEST_F(Training, ANetLearnsFourPicturesByHeart) {
  // Without batch normalisation, whose running statistics follow 120 steps too slowly.
  const Recipe recipe = small_recipe({"net.name=squeezenet1.1-fcn4", "optimizer.rate=0.002",
                                      "train.steps=120", "train.evaluate_every=60", "train.ema=0.9"});
  const TrainResult result = Trainer(recipe, into("overfit")).run();
  ASSERT_TRUE(result.scores.has_value());
  EXPECT_GT(result.scores->mean_iou.value(), 0.9);
  const Model model = read_onnx(result.model);
  EXPECT_EQ(model.info.classes.at(1).name, "disc");
  EXPECT_EQ(model.info.architecture, "squeezenet1.1-fcn4");
  EXPECT_THAT(model.info.notes.at("validation"), HasSubstr("mean IoU"));
  EXPECT_THAT(model.info.recipe, HasSubstr("steps = 120"));
  EXPECT_THAT(model.info.recipe, testing::Not(HasSubstr(root().string())));
  EXPECT_THAT(read_file(result.report), HasSubstr("<svg"));
  EXPECT_THAT(read_file(root() / "overfit" / "log.jsonl"), HasSubstr("\"kind\":\"evaluation\",\"step\":120"));
  std::cout << "mean IoU " << *result.scores->mean_iou << std::endl;
}

// Everything that has state or randomness at once: dropout is in the network, Adam's moments, the average,
// accumulation, augmentation.
const std::vector<std::string> everything = {
    "train.ema=0.9",          "train.accumulate=2",       "train.batch=2",
    "augment.flip=0.5",       "augment.scale_min=0.7",    "augment.scale_max=1.4",
    "augment.crop_height=48", "augment.crop_width=48",    "schedule.warmup_steps=3",
    "train.clip=1.0",         "train.checkpoint_every=2", "train.evaluate_every=3"};

TEST_F(Training, AResumedRunEndsWithTheSameBits) {
  const Recipe recipe = small_recipe(everything);
  Trainer(recipe, into("whole")).run();
  TrainOptions stopping = into("parts");
  int64_t steps = 0;
  stopping.progress = [&](const Progress& now) { steps = now.step; };
  for (const int64_t stop : {1, 3, 4, 7}) {
    stopping.cancelled = [&] { return steps >= stop; };
    EXPECT_THAT(fault(recipe, stopping, ErrorKind::cancelled), HasSubstr(cat("stopped at step ", stop)));
    stopping.resume = true;
  }
  stopping.cancelled = {};
  Trainer(recipe, stopping).run();
  expect_same_state(root() / "whole", root() / "parts");
  EXPECT_EQ(read_file(root() / "whole" / "model.onnx"), read_file(root() / "parts" / "model.onnx"));
}

TEST_F(Training, AnotherSeedGivesOtherWeights) {
  Trainer(small_recipe({"train.steps=1"}), into("seed3")).run();
  Trainer(small_recipe({"train.steps=1", "train.seed=4"}), into("seed4")).run();
  const auto a = read_checkpoint(root() / "seed3", "last"), b = read_checkpoint(root() / "seed4", "last");
  const Tensor &x = a->model.begin()->second, &y = b->model.begin()->second;
  EXPECT_NE(std::memcmp(x.raw(), y.raw(), static_cast<size_t>(x.bytes())), 0);
}

TEST_F(Training, LoaderThreadsChangeNothing) {
  Trainer(small_recipe({"train.steps=3"}), into("one")).run();
  Trainer(small_recipe({"train.steps=3", "data.loader_threads=3"}), into("three")).run();
  expect_same_state(root() / "one", root() / "three");
}

TEST_F(Training, ARunIsNotOverwrittenNorMixedWithAnother) {
  Trainer(small_recipe({"train.steps=1"}), into("first")).run();
  EXPECT_THAT(fault(small_recipe(), into("first"), ErrorKind::usage), HasSubstr("holds a run at step 1"));
  EXPECT_THAT(fault(small_recipe({"train.batch=3"}), into("first", true), ErrorKind::usage),
              HasSubstr("train.batch: 4 is now 3"));
  Trainer(small_recipe({"train.steps=2"}), into("first", true)).run();  // more steps of the same run
  EXPECT_EQ(read_checkpoint(root() / "first", "last")->step, 2);
}

TEST_F(Training, TwoRunsCannotShareAFolder) {
  const Trainer first(small_recipe(), into("shared"));
  EXPECT_THAT(fault(small_recipe(), into("shared"), ErrorKind::file), HasSubstr("another process"));
}

TEST_F(Training, ALossThatIsNotFiniteStopsAndSaysWhere) {
  const std::string text = fault(
      small_recipe({"optimizer.name=sgd", "optimizer.rate=1e30", "schedule.name=constant", "train.steps=50"}),
      into("nan"), ErrorKind::numeric);
  EXPECT_THAT(text, HasSubstr("step "));
  EXPECT_THAT(text, HasSubstr("learning rate 1e+30"));
  EXPECT_THAT(text, HasSubstr("cross_entropy"));
  EXPECT_THAT(text, HasSubstr("p3"));  // a picture of the batch
  EXPECT_FALSE(fs::exists(root() / "nan" / "model.onnx"));
}

TEST_F(Training, FrozenParametersStay) {
  const Recipe recipe =
      small_recipe({"train.steps=2", "train.freeze=['backbone.*']", "train.freeze_statistics=true"});
  Trainer(recipe, into("frozen")).run();
  Trainer(small_recipe({"train.steps=1", "train.freeze=['backbone.*']", "train.freeze_statistics=true"}),
          into("frozen1"))
      .run();
  const auto two = read_checkpoint(root() / "frozen", "last"),
             one = read_checkpoint(root() / "frozen1", "last");
  int same = 0, changed = 0;
  for (const auto& [name, tensor] : one->model) {
    const bool equal =
        std::memcmp(tensor.raw(), two->model.at(name).raw(), static_cast<size_t>(tensor.bytes())) == 0;
    if (name.starts_with("backbone.")) {
      EXPECT_TRUE(equal) << name;
      ++same;
    } else if (!equal) {
      ++changed;
    }
  }
  EXPECT_GT(same, 10);
  EXPECT_GT(changed, 0);
}

TEST_F(Training, WhatDoesNotFitIsRefusedBeforeTheFirstStep) {
  EXPECT_THAT(fault(small_recipe(), {.out_dir = root() / "a"}, ErrorKind::usage),
              HasSubstr("--data folder:PATH"));
  EXPECT_THAT(fault(small_recipe({"net.classes=7"}), into("b"), ErrorKind::usage),
              HasSubstr("net.classes is 7"));
  EXPECT_THAT(fault(small_recipe({"net.pretrained=none.safetensors"}), into("c"), ErrorKind::file),
              HasSubstr("none.safetensors"));
  EXPECT_THAT(fault(small_recipe({"train.freeze=['bakbone.*']"}), into("d"), ErrorKind::usage),
              HasSubstr("bakbone"));
  EXPECT_THAT(fault(small_recipe(), {.out_dir = root() / "a", .dataset = root().string()}, ErrorKind::usage),
              HasSubstr("folder:" + root().string()));
  EXPECT_THAT(fault(small_recipe({"train.freeze=['*']"}), into("e"), ErrorKind::usage),
              HasSubstr("no parameter to learn"));
}

TEST_F(Training, WhatIsOddIsSaidBeforeTheFirstStep) {
  const fs::path data = root() / "four classes";
  draw_shapes(data);
  std::ofstream(data / "classes.txt") << "0 ground\n1 disc\n2 box\n3 ghost\n";
  const TrainOptions options{
      .out_dir = root() / "odd", .resume = true, .dataset = cat("folder:", data.string())};
  const Trainer trainer(small_recipe({"loss.class_weights=median_frequency"}), options);
  EXPECT_THAT(trainer.start_notes(), testing::Contains(HasSubstr("class 3 (ghost) has no pixel")));
  EXPECT_THAT(trainer.start_notes(), testing::Contains(HasSubstr("no checkpoint")));
}

TEST_F(Training, MasksOfZeroAnd255AreSaidBeforeTheFirstStep) {
  const auto notes = [&](const TrainOptions& options) {
    return Trainer(small_recipe(), options).start_notes();
  };
  EXPECT_THAT(notes(into("plain")), testing::Not(testing::Contains(HasSubstr("at most one class"))));
  const fs::path data = root() / "binary";
  draw_shapes(data);
  for (const fs::directory_entry& mask : fs::directory_iterator(data / "masks")) {
    LabelMap labels = read_label_map(mask.path());
    for (uint16_t& label : labels.labels)
      if (label != 0) label = LabelMap::ignore_label;
    write_label_map(mask.path(), labels);
  }
  EXPECT_THAT(notes({.out_dir = root() / "binary-run", .dataset = cat("folder:", data.string())}),
              testing::Contains(HasSubstr("hold at most one class")));
}

TEST_F(Training, AnEvaluationThatFailsKeepsTheStepsBeforeIt) {
  const fs::path data = root() / "damaged later";
  draw_shapes(data);
  TrainOptions options{.out_dir = root() / "failed", .dataset = cat("folder:", data.string())};
  options.progress = [&](const Progress& now) {
    if (now.stage == Stage::evaluating) write_file_atomically(data / "images" / "p0.png", "no picture");
  };
  const Recipe recipe = small_recipe({"train.checkpoint_every=100"});
  EXPECT_THAT(fault(recipe, options, ErrorKind::unsupported), HasSubstr("p0.png"));
  const auto saved = read_checkpoint(options.out_dir, "last");
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->step, 8);

  draw_shapes(data);
  const TrainOptions resumed{.out_dir = options.out_dir, .resume = true, .dataset = options.dataset};
  EXPECT_TRUE(Trainer(recipe, resumed).run().scores);
}

// ---- SIGKILL -------------------------------------------------------------------------------------------

const char* const child_folder = "VITRAIL_TRAINER_TEST_FOLDER";

std::vector<std::string> killed_recipe() {
  std::vector<std::string> overrides = everything;
  overrides.push_back("train.steps=80");
  overrides.push_back("train.checkpoint_every=1");
  return overrides;
}

// The process that is killed: this test program, with this test alone. It trains into the folder it is told.
TEST(KilledTrainingChild, DISABLED_Trains) {
  const char* folder = std::getenv(child_folder);
  ASSERT_NE(folder, nullptr);
  configure_runtime({.threads = 1});
  Trainer(
      small_recipe(killed_recipe()),
      {.out_dir = fs::path(folder) / "killed", .resume = true, .dataset = cat("folder:", folder, "/shapes")})
      .run();
}

pid_t start_child(const fs::path& folder) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv(child_folder, folder.c_str(), 1);
  const int quiet = ::open("/dev/null", O_WRONLY);
  ::dup2(quiet, STDOUT_FILENO);
  ::execl("/proc/self/exe", "train_test", "--gtest_filter=KilledTrainingChild.DISABLED_Trains",
          "--gtest_also_run_disabled_tests", nullptr);
  ::_exit(127);
}

/// Kills the child after `limit`, unless it has ended by then. Returns whether it was killed.
bool run_or_kill(const fs::path& folder, std::chrono::milliseconds limit) {
  const pid_t child = start_child(folder);
  std::this_thread::sleep_for(limit);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

TEST_F(Training, AFolderOfWeightsIsNoDemandForThem) {
  Recipe recipe = small_recipe();
  EXPECT_THROW(find_pretrained(recipe, root()), Error) << "this network has published weights, not there";
  recipe.net.name = "unet-small";
  EXPECT_EQ(find_pretrained(recipe, root()), fs::path()) << "of this one there are none";
}

TEST_F(Training, KilledAtRandomMomentsItResumesAndEndsWithTheSameBits) {
  configure_runtime({.threads = 1});
  Trainer(small_recipe(killed_recipe()), into("uninterrupted")).run();

  Random random(static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  int kills = 0, kills_with_checkpoint = 0;
  int64_t furthest = 0;
  for (int round = 0; round < 60 && kills < 6; ++round) {
    const auto limit = std::chrono::milliseconds(random.integer(150, 800));
    const bool killed = run_or_kill(root(), limit);
    const auto checkpoint = read_checkpoint(root() / "killed", "last");  // whole, or none: never damaged
    if (checkpoint) {
      EXPECT_GE(checkpoint->step, furthest);
      furthest = checkpoint->step;
    }
    if (!killed) break;
    ++kills;
    if (checkpoint && checkpoint->step < 80) ++kills_with_checkpoint;
  }
  EXPECT_GE(kills, 2);
  int status = 0;
  const pid_t child = start_child(root());
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  expect_same_state(root() / "uninterrupted", root() / "killed");
  EXPECT_EQ(read_file(root() / "uninterrupted" / "model.onnx"), read_file(root() / "killed" / "model.onnx"));
  std::cout << kills << " kills, " << kills_with_checkpoint << " in the middle of the run" << std::endl;
}

}  // namespace
}  // namespace vitrail::train
