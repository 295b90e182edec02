#include "vitrail/train/losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

constexpr int64_t classes = 5, images = 2, height = 7, width = 6;
const std::vector<double> class_weights = {0.5, 2.0, 1.0, 0.0, 3.0};

struct Batch {
  at::Tensor logits;  ///< f64 [N, C, H, W]
  at::Tensor labels;  ///< i64 [N, H, W], a third ignored, class 2 absent
};

Batch random_batch(uint64_t seed) {
  torch::manual_seed(seed);
  Batch batch{torch::randn({images, classes, height, width}, at::kDouble) * 2,
              torch::randint(0, classes, {images, height, width}, at::kLong)};
  batch.labels.masked_fill_(batch.labels.eq(2), 1);
  batch.labels.masked_fill_(torch::rand({images, height, width}) < 0.33, 255);
  return batch;
}

struct Pixel {
  std::vector<double> p;
  int64_t label;
};

/// The pixels that are not ignored, with their probabilities, by plain loops.
std::vector<Pixel> pixels_of(const Batch& batch) {
  std::vector<Pixel> result;
  const auto z = batch.logits.accessor<double, 4>();
  const auto y = batch.labels.accessor<int64_t, 3>();
  for (int64_t n = 0; n < images; ++n)
    for (int64_t h = 0; h < height; ++h)
      for (int64_t w = 0; w < width; ++w) {
        if (y[n][h][w] == 255) continue;
        Pixel pixel{{}, y[n][h][w]};
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c)
          sum += std::exp(z[n][c][h][w]);
        for (int64_t c = 0; c < classes; ++c)
          pixel.p.push_back(std::exp(z[n][c][h][w]) / sum);
        result.push_back(std::move(pixel));
      }
  return result;
}

double value_of(const LossOptions& options, const Batch& batch) {
  return Loss(options, classes)({{"logits", batch.logits}}, batch.labels).total.item<double>();
}

double weight_of(const LossOptions& options, int64_t c) {
  return options.class_weights.empty() ? 1 : options.class_weights[static_cast<size_t>(c)];
}

double p_of(const Pixel& pixel) {
  return pixel.p[static_cast<size_t>(pixel.label)];
}

/// Weighted mean (or sum per image) of -log p with smoothing, over `pixels`.
double naive_cross_entropy(const LossOptions& options, const std::vector<Pixel>& pixels) {
  double sum = 0, weights = 0;
  for (const Pixel& pixel : pixels) {
    const double e = options.label_smoothing, w = weight_of(options, pixel.label);
    sum -= (1 - e) * w * std::log(p_of(pixel));
    for (int64_t c = 0; c < classes; ++c)
      sum -= e / classes * weight_of(options, c) * std::log(pixel.p[static_cast<size_t>(c)]);
    weights += w;
  }
  return options.reduction == Reduction::sum ? sum / images : sum / weights;
}

double naive_focal(const LossOptions& options, const std::vector<Pixel>& pixels) {
  double sum = 0, weights = 0;
  for (const Pixel& pixel : pixels) {
    const double w = weight_of(options, pixel.label);
    sum -= w * std::pow(1 - p_of(pixel), options.focal_gamma) * std::log(p_of(pixel));
    weights += w;
  }
  return options.reduction == Reduction::sum ? sum / images : sum / weights;
}

std::vector<Pixel> hard_pixels(const LossOptions& options, std::vector<Pixel> pixels) {
  std::sort(pixels.begin(), pixels.end(), [](const Pixel& a, const Pixel& b) { return p_of(a) < p_of(b); });
  size_t kept = 0;
  while (kept < pixels.size() &&
         (p_of(pixels[kept]) <= options.ohem_threshold || static_cast<int64_t>(kept) < options.ohem_min_kept))
    ++kept;
  pixels.resize(kept);
  return pixels;
}

double naive_dice(const LossOptions& options, const std::vector<Pixel>& pixels) {
  double sum = 0;
  int64_t present = 0;
  for (int64_t c = 0; c < classes; ++c) {
    double both = 0, squares = 0, count = 0;
    for (const Pixel& pixel : pixels) {
      const double p = pixel.p[static_cast<size_t>(c)];
      squares += p * p;
      if (pixel.label != c) continue;
      both += p;
      ++count;
    }
    if (count == 0) continue;
    ++present;
    sum += 1 - (2 * both + options.dice_smooth) / (squares + count + options.dice_smooth);
  }
  return sum / static_cast<double>(present);
}

/// The Lovasz extension by its definition: sum over i of m_(i) (J({first i}) - J({first i-1})), where J(M) is
/// the Jaccard loss 1 - |truth without M| / |truth and M| when the pixels M are wrong.
double naive_lovasz(const std::vector<Pixel>& pixels) {
  double sum = 0;
  int64_t present = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const auto is_c = [&](const Pixel& pixel) { return pixel.label == c; };
    const auto truth = static_cast<double>(std::count_if(pixels.begin(), pixels.end(), is_c));
    if (truth == 0) continue;
    ++present;
    std::vector<std::pair<double, bool>> errors;
    for (const Pixel& pixel : pixels)
      errors.emplace_back(std::abs((is_c(pixel) ? 1 : 0) - pixel.p[static_cast<size_t>(c)]), is_c(pixel));
    std::sort(errors.begin(), errors.end(), std::greater<>());
    const auto jaccard_loss = [&](size_t wrong) {
      double missed = 0, extra = 0;
      for (size_t i = 0; i < wrong; ++i)
        (errors[i].second ? missed : extra) += 1;
      return 1 - (truth - missed) / (truth + extra);
    };
    for (size_t i = 0; i < errors.size(); ++i)
      sum += errors[i].first * (jaccard_loss(i + 1) - jaccard_loss(i));
  }
  return sum / static_cast<double>(present);
}

std::vector<LossOptions> all_options() {
  std::vector<LossOptions> result;
  for (const Reduction reduction : {Reduction::mean, Reduction::sum})
    for (const bool weighted : {false, true})
      for (const LossKind kind :
           {LossKind::cross_entropy, LossKind::ohem, LossKind::focal, LossKind::dice, LossKind::lovasz})
        result.push_back({.terms = {{kind, 1}},
                          .reduction = reduction,
                          .class_weights = weighted ? class_weights : std::vector<double>{},
                          .ohem_min_kept = weighted ? 30 : 3});
  result.push_back({.class_weights = class_weights, .label_smoothing = 0.1});
  result.push_back({.terms = {{LossKind::focal, 1}}, .focal_gamma = 0.5});
  return result;
}

double naive(const LossOptions& options, const std::vector<Pixel>& pixels) {
  switch (options.terms[0].kind) {
    case LossKind::cross_entropy: return naive_cross_entropy(options, pixels);
    case LossKind::ohem: return naive_cross_entropy(options, hard_pixels(options, pixels));
    case LossKind::focal: return naive_focal(options, pixels);
    case LossKind::dice: return naive_dice(options, pixels);
    case LossKind::lovasz: return naive_lovasz(pixels);
  }
  return 0;
}

TEST(LossTest, EqualsThePlainFormulas) {
  for (const LossOptions& options : all_options())
    for (uint64_t seed = 0; seed < 4; ++seed) {
      const Batch batch = random_batch(seed);
      const double expected = naive(options, pixels_of(batch));
      EXPECT_GT(std::abs(expected), 1e-3);
      EXPECT_NEAR(value_of(options, batch), expected, 1e-9 * std::abs(expected))
          << name_of(options.terms[0].kind) << " " << name_of(options.reduction);
    }
}

TEST(LossTest, BorderWeightsAddToThoseOfTheClasses) {
  const Batch batch = random_batch(8);
  LossOptions options{.class_weights = class_weights, .border = {.strength = 10, .sigma = 1.5, .cell = 1}};
  double sum = 0, weights = 0, borders = 0;
  const auto z = batch.logits.log_softmax(1);
  for (int64_t n = 0; n < images; ++n) {
    std::vector<uint16_t> labels;
    for (int64_t i = 0; i < height * width; ++i)
      labels.push_back(static_cast<uint16_t>(batch.labels[n].flatten()[i].item<int64_t>()));
    const std::vector<float> border = border_weights(labels, height, width, options.border);
    for (int64_t i = 0; i < height * width; ++i) {
      const auto at = static_cast<size_t>(i);
      if (labels[at] == 255) continue;
      const double w = class_weights[labels[at]] + static_cast<double>(border[at]);
      sum -= w * z[n][labels[at]].flatten()[i].item<double>();
      weights += w;
      borders += static_cast<double>(border[at]);
    }
  }
  EXPECT_GT(borders, 0);
  EXPECT_NEAR(value_of(options, batch), sum / weights, 1e-6);
  options.reduction = Reduction::sum;
  EXPECT_NEAR(value_of(options, batch), sum / images, 1e-5);
  options.label_smoothing = 0.1;
  EXPECT_THROW(Loss(options, classes), Error);
}

TEST(LossTest, GradientsEqualFiniteDifferences) {
  for (const LossOptions& options : all_options()) {
    Batch batch = random_batch(7);
    batch.logits.set_requires_grad(true);
    Loss(options, classes)({{"logits", batch.logits}}, batch.labels).total.backward();
    const at::Tensor gradient = batch.logits.grad().clone();
    EXPECT_GT(gradient.abs().max().item<double>(), 1e-6);
    const at::NoGradGuard no_gradients;
    auto z = batch.logits.accessor<double, 4>();
    const auto g = gradient.accessor<double, 4>();
    constexpr double h = 1e-6;
    for (int64_t i = 0; i < images * classes * height * width; i += 13) {
      double& value =
          z[i / (classes * height * width)][i / (height * width) % classes][i / width % height][i % width];
      const double kept = value;
      value = kept + h;
      const double up = value_of(options, batch);
      value = kept - h;
      const double down = value_of(options, batch);
      value = kept;
      EXPECT_NEAR(
          g[i / (classes * height * width)][i / (height * width) % classes][i / width % height][i % width],
          (up - down) / (2 * h), 1e-6)
          << name_of(options.terms[0].kind) << " " << i;
    }
  }
}

TEST(LossTest, ABatchWithoutLabelsCostsNothing) {
  for (const LossOptions& options : all_options()) {
    Batch batch = random_batch(1);
    batch.labels.fill_(255);
    batch.logits.set_requires_grad(true);
    const LossValue value = Loss(options, classes)({{"logits", batch.logits}}, batch.labels);
    EXPECT_EQ(value.total.item<double>(), 0) << name_of(options.terms[0].kind);
    value.total.backward();
    EXPECT_TRUE(at::equal(batch.logits.grad(), at::zeros_like(batch.logits)));
  }
}

TEST(LossTest, LabelsOfWeightZeroCostNothing) {
  for (const LossKind kind : {LossKind::cross_entropy, LossKind::focal, LossKind::ohem}) {
    Batch batch = random_batch(1);
    batch.labels.fill_(3);
    EXPECT_EQ(value_of({.terms = {{kind, 1}}, .class_weights = class_weights}, batch), 0);
  }
}

TEST(LossTest, AddsTermsAndAuxiliaryHeads) {
  const Batch batch = random_batch(3), other = random_batch(4);
  const LossOptions options{.terms = {{LossKind::cross_entropy, 1}, {LossKind::dice, 0.5}},
                            .auxiliary_weights = {{"deep", 0.25}},
                            .auxiliary_weight = 0.4};
  const LossValue value = Loss(options, classes)(
      {{"logits", batch.logits}, {"aux", other.logits}, {"deep", other.logits}}, batch.labels.to(at::kByte));
  const Batch crossed{other.logits, batch.labels};
  const double ce = value_of({}, batch), dice = value_of({.terms = {{LossKind::dice, 1}}}, batch);
  const double aux_ce = value_of({}, crossed), aux_dice = value_of({.terms = {{LossKind::dice, 1}}}, crossed);
  EXPECT_NEAR(value.total.item<double>(), ce + 0.5 * dice + 0.65 * (aux_ce + 0.5 * aux_dice), 1e-9);
  ASSERT_EQ(value.parts.size(), 6u);
  EXPECT_EQ(value.parts[1].first, "dice");
  EXPECT_EQ(value.parts[2].first, "aux.cross_entropy");
  EXPECT_NEAR(value.parts[2].second.item<double>(), aux_ce, 1e-9);
}

TEST(LossTest, ResizesASmallerHead) {
  const Batch batch = random_batch(3);
  const at::Tensor small = torch::randn({images, classes, 3, 2}, at::kDouble);
  const at::Tensor large = at::upsample_bilinear2d(small, {height, width}, false);
  EXPECT_NEAR(value_of({}, {small, batch.labels}), value_of({}, {large, batch.labels}), 1e-12);
}

// PIL's nearest: the label under a cell's centre.
TEST(LossTest, LabelsAreReducedToEachOutputsSize) {
  const Batch batch = random_batch(3);
  const auto reduced = [&](int64_t rows, int64_t columns) {
    at::Tensor result = at::empty({images, rows, columns}, at::kLong);
    for (int64_t y = 0; y < rows; ++y)
      for (int64_t x = 0; x < columns; ++x) {
        const auto from_y =
            static_cast<int64_t>((static_cast<double>(y) + 0.5) * height / static_cast<double>(rows));
        const auto from_x =
            static_cast<int64_t>((static_cast<double>(x) + 0.5) * width / static_cast<double>(columns));
        result.select(1, y).select(1, x).copy_(batch.labels.select(1, from_y).select(1, from_x));
      }
    return result;
  };
  const auto maps = [](int64_t rows, int64_t columns) {
    return torch::randn({images, classes, rows, columns}, at::kDouble);
  };
  const at::Tensor large = maps(4, 5), small = maps(2, 3);
  const LossValue value = Loss({.reduce_labels = true, .auxiliary_weight = 1}, classes)(
      {{"logits", large}, {"scale0.5", small}}, batch.labels);
  const double expected = value_of({}, {large, reduced(4, 5)}) + value_of({}, {small, reduced(2, 3)});
  EXPECT_NEAR(value.total.item<double>(), expected, 1e-12);
  EXPECT_GT(std::abs(expected - value_of({}, {large, batch.labels}) - value_of({}, {small, batch.labels})),
            1e-3);
  EXPECT_EQ(value_of({.reduce_labels = true}, batch), value_of({}, batch)) << "of one size already";
}

TEST(LossTest, NamesAnImpossibleLabelAndItsPlace) {
  Batch batch = random_batch(3);
  batch.labels[1][4][2] = 19;
  try {
    value_of({}, batch);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::format);
    EXPECT_NE(std::string(error.what()).find("label 19 at (2,4)"), std::string::npos) << error.what();
  }
  EXPECT_THROW(value_of({}, {batch.logits.narrow(1, 0, 4), batch.labels}), Error);
}

TEST(LossTest, NamesEveryFault) {
  EXPECT_EQ(faults({.terms = {}, .class_weights = {1}, .label_smoothing = 1}, classes).size(), 3u);
  EXPECT_EQ(faults({.ignore_index = 3}, classes).size(), 1u);
  EXPECT_THROW(Loss({.terms = {}}, classes), Error);
  EXPECT_EQ(loss_kind_from("lovasz"), LossKind::lovasz);
  EXPECT_THROW(loss_kind_from("lovas"), Error);
  EXPECT_EQ(reduction_from("sum"), Reduction::sum);
}

TEST(Loss, AnOutputPerClassLearnsWhichClassesOccur) {
  const Batch batch = random_batch(8);
  const at::Tensor presence = torch::randn({images, classes}, at::kDouble);
  const LossOptions options{.auxiliary_weights = {{"se", 0.2}}};
  const LossValue value =
      Loss(options, classes)({{"logits", batch.logits}, {"se", presence}}, batch.labels.to(at::kByte));
  double expected = 0;
  for (int64_t n = 0; n < images; ++n)
    for (int64_t c = 0; c < classes; ++c) {
      const double p = 1 / (1 + std::exp(-presence[n][c].item<double>()));
      expected -= std::log(batch.labels[n].eq(c).any().item<bool>() ? p : 1 - p) / (images * classes);
    }
  EXPECT_EQ(value.parts.back().first, "se.presence");
  EXPECT_NEAR(value.parts.back().second.item<double>(), expected, 1e-9);
  EXPECT_NEAR(value.total.item<double>(), value_of({}, batch) + 0.2 * expected, 1e-9);
  EXPECT_THROW(
      Loss(options, classes)({{"logits", batch.logits}, {"se", presence.narrow(1, 0, 2)}}, batch.labels),
      Error);
}

}  // namespace
}  // namespace vitrail::train
