// DeepLabv2's multi-scale training (SPEC 6.1): one network at three scales, four losses at the maps' sizes.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lively_weights.h"
#include "noise_image.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/module.h"
#include "vitrail/train/trainer.h"

namespace vitrail::train {
namespace {

using testing::HasSubstr;

// Each scale's scores are the plain network's of a smaller image, the fused ones
// the largest of each cell.
TEST(MultiScale, IsThePlainNetworkAtEachScale) {
  const NetOptions narrow{.classes = 4, .set = {{"width", "0.0625"}}};
  const Model plain = build_net("deeplabv2-resnet101", narrow),
              msc = build_net("deeplabv2-resnet101-msc", narrow);
  Random random(5);
  const Weights weights = lively_weights(plain.graph, random);
  const ModuleOptions frozen{.frozen_batch_norm = true, .upsample_in_loss = true};
  Module one(plain.graph, weights, frozen), three(msc.graph, weights, frozen);
  torch::manual_seed(2);
  const at::Tensor image = torch::randn({2, 3, 65, 97}) * 50;
  const auto scores_at = [&](double scale) {
    const at::Tensor seen =
        scale == 1
            ? image
            : at::upsample_bilinear2d(image, {int64_t(65 * scale), int64_t(97 * scale)}, false, scale, scale);
    return one.forward({seen})[0].second;
  };
  const NamedTensors outputs = three.forward({image});
  ASSERT_EQ(outputs.size(), 4u);
  at::Tensor largest;
  const std::vector<double> scales{1, 0.75, 0.5};
  for (size_t i = 0; i < 3; ++i) {
    const at::Tensor expected = scores_at(scales[i]), found = outputs[i + 1].second;
    ASSERT_EQ(found.sizes(), expected.sizes()) << outputs[i + 1].first;
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
    const at::Tensor back =
        at::upsample_bilinear2d(expected, {outputs[0].second.size(2), outputs[0].second.size(3)}, false);
    largest = largest.defined() ? at::maximum(largest, back) : back;
  }
  EXPECT_LT((outputs[0].second - largest).abs().max().item<double>(),
            1e-4 * largest.abs().max().item<double>());
  EXPECT_GT((outputs[0].second - outputs[1].second).abs().max().item<double>(), 1e-3) << "other scales count";
}

/// Two pictures of noise, as a `folder` data set.
void write_noise(const TemporaryFolder& folder) {
  write_file_atomically(folder / "data/classes.txt", "0 a\n1 b\n2 c\n");
  for (const uint64_t i : {1, 2}) {
    LabelMap labels(64, 48, static_cast<uint16_t>(i));
    labels.at(3, 5) = LabelMap::ignore_label;
    write_png(folder / cat("data/images/p", i, ".png"), noise_image(64, 48, 3, i));
    write_label_map(folder / cat("data/masks/p", i, ".png"), labels);
  }
}

TEST(MultiScale, TrainsByFourLosses) {
  const TemporaryFolder folder;
  write_noise(folder);
  const auto trainer = [&](const std::string& net) {
    const std::string text =
        cat("[net]\nname = \"", net,
            "\"\nset = { width = 0.0625 }\n[data]\ndataset = \"folder:", (folder.path() / "data").string(),
            "\"\ntrain_split = \"all\"\nval_split = \"\"\n[loss]\nauxiliary = 1.0\nreduce_labels = true\n"
            "[train]\nsteps = 1\nbatch = 2\nfreeze_statistics = true\nlog_every = 1\n");
    return Trainer(parse_recipe(text, net), {.out_dir = folder.path() / net});
  };
  trainer("deeplabv2-resnet101-msc").run();
  const std::string log = read_file(folder.path() / "deeplabv2-resnet101-msc" / "log.jsonl");
  for (const char* part :
       {"\"cross_entropy\"", "scale1.cross_entropy", "scale0.75.cross_entropy", "scale0.5.cross_entropy"})
    EXPECT_THAT(log, HasSubstr(part));
  try {
    trainer("pspnet-resnet18-os8");
    FAIL() << "its scores do not end as reduced labels need it";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("loss.reduce_labels"));
  }
}

}  // namespace
}  // namespace vitrail::train
