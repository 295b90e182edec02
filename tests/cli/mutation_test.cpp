// Five hundred damaged files, each given to the program as a user would: no crash, no hang, and whatever is
// refused is refused by name. Under `tests/sanitize.sh address` the program itself runs with AddressSanitizer
// and UBSan.

#include <functional>

#include <gmock/gmock.h>

#include "fixture.h"
#include "mutate.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/image/image_file.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/weights/model_info.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MutationTest : public CliTest {
 protected:
  // Runs `command` on 100 damaged copies of `good` and returns how many were refused.
  int refusals(const std::string& name, const std::string& good,
               const std::function<Result(const std::string& file)>& command) {
    Random random(std::hash<std::string>()(name));
    int refused = 0;
    for (int i = 0; i < 100; ++i) {
      const std::string file = path(name);
      write_file_atomically(file, mutated(good, random));
      const Result result = command(file);
      EXPECT_GE(result.status, 0) << name << " " << i << ": " << result.err;
      EXPECT_LE(result.status, 2) << name << " " << i << ": " << result.err;
      if (result.status == 0) continue;
      ++refused;
      EXPECT_THAT(result.err, StartsWith("vitrail: ")) << name << " " << i;
      EXPECT_THAT(result.err, HasSubstr(name)) << name << " " << i;
    }
    return refused;
  }
};

TEST_F(MutationTest, PngImages) {
  const std::string good = read_file(picture("good.png", 40, 48));
  const auto segment = [&](const std::string& file) {
    return vitrail({"segment", model(), file, "--out", path("out")});
  };
  EXPECT_GT(refusals("damaged.png", good, segment), 50);
}

TEST_F(MutationTest, JpegImages) {
  const std::string good = encode_jpeg(read_image(picture("good.png", 40, 48)), 90);
  const auto segment = [&](const std::string& file) {
    return vitrail({"segment", model(), file, "--out", path("out")});
  };
  EXPECT_GT(refusals("damaged.jpg", good, segment), 20);
}

TEST_F(MutationTest, OnnxModels) {
  const auto inspect = [&](const std::string& file) {
    return vitrail({"inspect", file, "--engine", "--input", "32x32"});
  };
  EXPECT_GT(refusals("damaged.onnx", read_file(model()), inspect), 30);
}

TEST_F(MutationTest, SafetensorsWeights) {
  const auto inspect = [&](const std::string& file) {
    return vitrail({"inspect", file, "--input", "32x32"});
  };
  const Model good = read_model(model());
  write_safetensors(path("good.safetensors"), good.weights, metadata_from_info(good.info));
  EXPECT_GT(refusals("damaged.safetensors", read_file(path("good.safetensors")), inspect), 30);
}

#ifdef VITRAIL_TRAIN
TEST_F(MutationTest, TomlRecipes) {
  const std::string good =
      read_file(std::string(VITRAIL_SOURCE_DIR) + "/recipes/mobilenet-x0.5-fcn8_camvid.toml");
  const auto train = [&](const std::string& file) {
    std::filesystem::remove_all(path("run"));
    // A recipe that survives the damage is trained for one small step.
    std::vector<std::string> words = {"train", file, "--data", dataset(), "--out", path("run")};
    for (const char* const setting :
         {"net.pretrained=", "train.steps=1", "train.batch=2", "train.accumulate=1", "augment.crop_height=32",
          "augment.crop_width=32", "augment.scale_max=1", "augment.scale_min=1"})
      words.insert(words.end(), {"--set", setting});
    return vitrail(words);
  };
  EXPECT_GT(refusals("damaged.toml", good, train), 30);
}
#endif

}  // namespace
}  // namespace vitrail::testing
