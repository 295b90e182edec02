// detect/ beside torchvision: what tests/torchvision/detection.py computed from random boxes, maps and masks.
// And the anchors that a published detector was trained with.

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/matching.h"
#include "vitrail/detect/nms.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/roi.h"
#include "vitrail/weights/safetensors.h"
#include "vitrail/weights/torch_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

using Indices = std::vector<int64_t>;

// One run of the script for all tests.
class TorchvisionDetection : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string python = python_with_torchvision();
    if (python.empty()) return;
    const fs::path script = fs::path(VITRAIL_SOURCE_DIR) / "tests/torchvision/detection.py";
    const fs::path file = fs::path(testing::TempDir()) / cat("vitrail_detection_", ::getpid(), ".pth");
    const std::string command = cat(python, " '", script.string(), "' '", file.string(), "'");
    if (std::system(command.c_str()) == 0) saved() = read_torch_file(file).tensors;
    fs::remove(file);
    started() = true;
  }
  void SetUp() override {
    if (!started()) GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
    ASSERT_FALSE(saved().empty()) << "tests/torchvision/detection.py failed";
  }

  static const Tensor& get(const std::string& name) { return saved().at(name); }
  static std::span<const float> values(const std::string& name) { return get(name).data<float>(); }
  static Indices indices(const std::string& name) {
    const auto numbers = get(name).data<int64_t>();
    return {numbers.begin(), numbers.end()};
  }
  static std::vector<Box> boxes(const std::string& name) {
    std::vector<Box> result;
    const auto v = values(name);
    for (size_t i = 0; i < v.size(); i += 4)
      result.push_back({v[i], v[i + 1], v[i + 2], v[i + 3]});
    return result;
  }

 private:
  static Weights& saved() {
    static Weights weights;
    return weights;
  }
  static bool& started() {
    static bool is = false;
    return is;
  }
};

void expect_near(std::span<const float> found, std::span<const float> expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
  EXPECT_LE(worst, tolerance);
}

std::vector<float> flat(const std::vector<Box>& boxes) {
  std::vector<float> values;
  for (const Box& box : boxes)
    values.insert(values.end(), {box.x1, box.y1, box.x2, box.y2});
  return values;
}

std::vector<float> flat(const std::vector<Detection>& found) {
  std::vector<Box> boxes;
  for (const Detection& detection : found)
    boxes.push_back(detection.box);
  return flat(boxes);
}

TEST_F(TorchvisionDetection, OverlapsAndClipping) {
  expect_near(iou_table(boxes("iou.a"), boxes("iou.b")), values("iou.table"), 1e-6);
  std::vector<Box> clip = boxes("clip.boxes");
  for (Box& box : clip)
    box = clipped(box, 640, 480);
  expect_near(flat(clip), values("clip.clipped"), 0);
}

TEST_F(TorchvisionDetection, Suppression) {
  const std::vector<Box> several = boxes("nms.boxes");
  EXPECT_EQ(suppress(several, values("nms.scores"), 0.4), indices("nms.kept"));
  EXPECT_EQ(suppress_by_group(several, values("nms.scores"), indices("nms.groups"), 0.4),
            indices("nms.kept_by_group"));
}

TEST_F(TorchvisionDetection, RoiAlignAndRoiPool) {
  const std::vector<Box> several = boxes("roi.boxes");
  const Indices images = indices("roi.images");
  for (const bool aligned : {false, true})
    for (const int64_t ratio : {0, 2, 3}) {
      SCOPED_TRACE(cat(aligned ? "aligned" : "legacy", ", sampling_ratio ", ratio));
      const op::RoiAlign op{
          .height = 7, .width = 5, .sampling_ratio = ratio, .spatial_scale = 1.0 / 16, .aligned = aligned};
      expect_near(roi_align(get("roi.maps"), several, images, op).data<float>(),
                  values(cat("roi.align_", aligned ? 1 : 0, "_", ratio)), 2e-5);
    }
  expect_near(roi_pool(get("roi.maps"), several, images, {4, 8}, 1.0 / 16).data<float>(), values("roi.pool"),
              0);
}

TEST_F(TorchvisionDetection, LevelsOfAPyramid) {
  const RcnnSystem system{
      .strides = {4, 8, 16, 32}, .crop = RcnnSystem::Crop::roi_align_legacy, .sampling_ratio = 2};
  std::vector<Tensor> maps;
  for (int64_t i = 0; i < 4; ++i)
    maps.push_back(get(cat("levels.map_", i)));
  expect_near(roi_crops(maps, boxes("levels.boxes"), {}, system, 7, {1024, 768}).data<float>(),
              values("levels.crops"), 5e-5);
}

TEST_F(TorchvisionDetection, PastedMasks) {
  const std::vector<Box> several = boxes("paste.boxes");
  const Tensor &masks = get("paste.masks"), &expected = get("paste.pasted");
  const Extent grid{masks.size(2), masks.size(3)}, picture{expected.size(1), expected.size(2)};
  int64_t set = 0, different = 0;
  for (size_t i = 0; i < several.size(); ++i) {
    const auto one = masks.data<float>().subspan(i * static_cast<size_t>(grid.height * grid.width),
                                                 static_cast<size_t>(grid.height * grid.width));
    const Mask mask = paste_mask(one, grid, several[i], several[i], picture, {.torchvision = true});
    const auto pixels = expected.data<uint8_t>().subspan(i * mask.pixels.size(), mask.pixels.size());
    for (size_t p = 0; p < mask.pixels.size(); ++p) {
      set += pixels[p];
      different += mask.pixels[p] != pixels[p] ? 1 : 0;
    }
  }
  EXPECT_GT(set, 100000);
  EXPECT_LE(different, set / 100000) << "of " << set << " pixels, those where rounding decides";
}

TEST_F(TorchvisionDetection, Anchors) {
  const RpnAnchors pyramid{.sizes = {{32}, {64}, {128}, {256}, {512}}, .whole = true};
  expect_near(flat(anchors_of(rpn_anchors(pyramid), {{200, 272}, {100, 136}, {50, 68}, {25, 34}, {13, 17}},
                              {800, 1088})),
              values("anchors.fpn"), 0);
  const RpnAnchors single{.sizes = {{32, 64, 128, 256, 512}}, .ratios_innermost = false, .whole = true};
  expect_near(flat(anchors_of(rpn_anchors(single), {{50, 68}}, {800, 1088})), values("anchors.c4"), 0);
  expect_near(
      flat(anchors_of(ssd300_anchors(), {{38, 38}, {19, 19}, {10, 10}, {5, 5}, {3, 3}, {1, 1}}, {300, 300})),
      values("anchors.ssd300"), 1e-4);
}

TEST_F(TorchvisionDetection, BoxCodes) {
  const BoxCoding coding{.y_first = false};
  const std::vector<Box> anchors = boxes("coding.anchors"), targets = boxes("coding.boxes");
  std::vector<float> codes;
  for (size_t i = 0; i < anchors.size(); ++i)
    for (const float value : encode(targets[i], anchors[i], coding))
      codes.push_back(value);
  // A code is a difference over a width: relative to the largest.
  expect_near(codes, values("coding.codes"), 2e-3);
  const std::vector<float> decoded = flat(decode_all(values("coding.predicted"), anchors, coding));
  const auto expected = values("coding.decoded");
  ASSERT_EQ(decoded.size(), expected.size());
  for (size_t i = 0; i < decoded.size(); ++i)
    EXPECT_NEAR(decoded[i], expected[i], 1e-3 + 1e-5 * std::abs(static_cast<double>(expected[i])));
}

TEST_F(TorchvisionDetection, Matching) {
  const std::vector<Box> anchors = boxes("match.anchors"), objects = boxes("match.objects");
  EXPECT_EQ(match_thresholds(anchors, objects, {}), indices("match.proposals"));
  EXPECT_EQ(match_thresholds(anchors, objects, {0.5, 0.5, false}), indices("match.heads"));
  EXPECT_EQ(match_best(anchors, objects, 0.5, true), indices("match.ssd"));
}

void expect_found(const std::vector<Detection>& found, std::span<const float> boxes,
                  std::span<const float> scores, const Indices& labels) {
  EXPECT_GT(found.size(), 20u);
  expect_near(flat(found), boxes, 1e-3);
  ASSERT_EQ(found.size(), scores.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i].score, scores[i], 1e-6);
    if (!labels.empty()) {
      EXPECT_EQ(found[i].class_index + 1, labels[i]);
    }
  }
}

TEST_F(TorchvisionDetection, DetectionsOfSsd) {
  const BoxSelection selection{
      .score_threshold = 0.1, .iou_threshold = 0.45, .before_suppression = 100, .per_class = 0, .total = 150};
  const auto found = choose_boxes(get("ssd.codes"), class_scores(get("ssd.logits"), true),
                                  boxes("ssd.anchors"), {.y_first = false}, selection, {300, 300});
  expect_found(found, values("ssd.boxes"), values("ssd.scores"), indices("ssd.labels"));
}

TEST_F(TorchvisionDetection, DetectionsOfMaskRcnn) {
  // The codes have the background's column in front.
  const auto codes = values("heads.codes");
  std::vector<float> of_classes;
  for (size_t row = 0; row < codes.size(); row += 16)
    of_classes.insert(of_classes.end(), codes.begin() + static_cast<int64_t>(row) + 4,
                      codes.begin() + static_cast<int64_t>(row) + 16);
  const BoxSelection selection{.score_threshold = 0.3, .iou_threshold = 0.5, .per_class = 0, .total = 80};
  const auto found =
      choose_boxes(Tensor::from<float>({400, 3, 4}, of_classes), class_scores(get("heads.logits"), true),
                   boxes("heads.proposals"), {.y_first = false}, selection, {480, 640}, 1e-2);
  expect_found(found, values("heads.boxes"), values("heads.scores"), indices("heads.labels"));
}

TEST_F(TorchvisionDetection, Proposals) {
  const std::vector<Box> anchors = boxes("rpn.anchors");
  std::vector<ProposalLevel> levels;
  size_t begin = 0;
  for (const int64_t count : indices("rpn.counts")) {
    const auto n = static_cast<size_t>(count);
    levels.push_back({values("rpn.objectness").subspan(begin, n),
                      values("rpn.codes").subspan(4 * begin, 4 * n), std::span(anchors).subspan(begin, n)});
    begin += n;
  }
  const BoxSelection selection{
      .score_threshold = 0, .iou_threshold = 0.7, .before_suppression = 150, .per_class = 0, .total = 120};
  const auto found =
      choose_proposals(levels, {.scales = {1, 1, 1, 1}, .y_first = false}, selection, {480, 640}, 1e-3);
  expect_found(found, values("rpn.boxes"), values("rpn.scores"), {});
}

// TensorFlow's detector carries its anchors, (cy, cx, h, w) in parts of the image, in steps of 8 bits.
TEST(TensorflowDetection, AnchorsAreThoseOfThePublishedDetector) {
  const fs::path file =
      fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/pretrained/ssd_mobilenet_v1_x0.75_coco.safetensors";
  if (!fs::exists(file)) GTEST_SKIP() << "no " << file;
  const Tensor theirs = read_safetensors(file).tensors.at("anchors_cycxhw");
  const std::vector<Box> ours =
      anchors_of(ssd_mobilenet_anchors(), {{19, 19}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}}, {300, 300});
  ASSERT_EQ(theirs.shape(), (Shape{1917, 4}));
  ASSERT_EQ(ours.size(), 1917u);
  float smallest = 1;
  for (const float value : theirs.data<float>())
    smallest = std::min(smallest, value);
  const double step = static_cast<double>(smallest) / 4;  // the first centre, 0.5 / 19, is four steps
  for (size_t i = 0; i < ours.size(); ++i) {
    const auto row = theirs.data<float>().subspan(4 * i, 4);
    const Box& box = ours[i];
    const double mine[] = {static_cast<double>(box.y1 + box.y2) / 600,
                           static_cast<double>(box.x1 + box.x2) / 600,
                           static_cast<double>(box.height()) / 300, static_cast<double>(box.width()) / 300};
    for (size_t k = 0; k < 4; ++k)
      EXPECT_NEAR(mine[k], static_cast<double>(row[k]), 0.51 * step) << i << " " << k;
  }
}

}  // namespace
}  // namespace vitrail
