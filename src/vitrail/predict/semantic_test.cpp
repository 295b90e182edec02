#include "vitrail/predict/semantic.h"

#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <message_of.h>

#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/resize.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

using ::testing::HasSubstr;

std::vector<ClassInfo> some_classes(int64_t count) {
  std::vector<ClassInfo> classes;
  for (int64_t i = 0; i < count; ++i)
    classes.push_back({cat("class ", i), {}});
  return classes;
}

Image noise_image(int64_t height, int64_t width, uint64_t seed = 1) {
  return vitrail::noise_image(height, width, 3, seed);
}

struct SmallNet {
  int64_t classes = 4;
  int64_t stride = 1;  ///< of the first convolution: logits are that much smaller than the image
  Shape input{-1, 3, -1, -1};
  int64_t channels = 4;  ///< of the output
  enum { nothing, softmax, argmax, sigmoid } ending = nothing;
};

/// Two 3x3 convolutions: a receptive field of 2 pixels around the centre (at stride 1).
Model small_model(const SmallNet& net) {
  Model model;
  Graph& g = model.graph;
  const Value image = g.input("image", net.input);
  const auto conv = [&](const std::string& name, Value x, int64_t out, int64_t stride) {
    const Value w = g.parameter(
        {.name = name + ".weight", .shape = {out, g.channels(x), 3, 3}, .init = init::KaimingNormal{}});
    const Value b = g.parameter({.name = name + ".bias", .shape = {out}, .init = init::Normal{0.1}});
    return g.add(op::Conv{.strides = {stride, stride}, .pads = {1, 1, 1, 1}}, {x, w, b}, name);
  };
  Value x = g.add(op::Relu{}, {conv("first", image, 8, net.stride)}, "relu");
  x = conv("second", x, net.channels, 1);
  if (net.ending == SmallNet::softmax) x = g.add(op::Softmax{}, {x}, "softmax");
  if (net.ending == SmallNet::argmax) x = g.add(op::ArgMax{}, {x}, "argmax");
  if (net.ending == SmallNet::sigmoid) x = g.add(op::Sigmoid{}, {x}, "sigmoid");
  g.output("out", x);
  model.weights = initial_weights(g, 5);
  model.info.classes = some_classes(net.classes);
  model.info.preprocessing = {.mean = {100, 110, 120}, .std = {50, 60, 70}};
  return model;
}

/// preprocess -> network -> (linear resize to the input) -> largest, one step after the other, without tails.
LabelMap naive_prediction(const Model& model, const Image& image) {
  const Tensor input = preprocess(image, model.info.preprocessing);
  const Tensor logits = Engine(model.graph, model.weights).run({input}).at(0);
  const int64_t classes = logits.size(1), h = logits.size(2), w = logits.size(3);
  const float* data = logits.data<float>().data();
  LabelMap labels(image.height, image.width);
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      const double sy = std::clamp(
          (y + 0.5) * static_cast<double>(h) / static_cast<double>(input.size(2)) - 0.5, 0.0, h - 1.0);
      const double sx = std::clamp(
          (x + 0.5) * static_cast<double>(w) / static_cast<double>(input.size(3)) - 0.5, 0.0, w - 1.0);
      const auto y0 = static_cast<int64_t>(sy), x0 = static_cast<int64_t>(sx);
      const int64_t y1 = std::min(y0 + 1, h - 1), x1 = std::min(x0 + 1, w - 1);
      const double v = sy - static_cast<double>(y0), u = sx - static_cast<double>(x0);
      double best = -1e30;
      for (int64_t c = 0; c < classes; ++c) {
        const float* plane = data + c * h * w;
        const double value = (1 - v) * ((1 - u) * plane[y0 * w + x0] + u * plane[y0 * w + x1]) +
                             v * ((1 - u) * plane[y1 * w + x0] + u * plane[y1 * w + x1]);
        if (value > best) {
          best = value;
          labels.at(y, x) = static_cast<uint16_t>(c);
        }
      }
    }
  return labels;
}

/// Share of pixels whose labels differ: near ties may fall either way.
double difference(const LabelMap& a, const LabelMap& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  int64_t count = 0;
  for (size_t i = 0; i < a.labels.size(); ++i)
    count += a.labels[i] != b.labels[i];
  return static_cast<double>(count) / static_cast<double>(a.labels.size());
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double worst = 0;
  for (size_t i = 0; i < a.data<float>().size(); ++i)
    worst = std::max(worst, std::abs(double{a.data<float>()[i]} - double{b.data<float>()[i]}));
  return worst;
}

TEST(SemanticPredictor, EqualsTheNaivePipelineAtOddSizes) {
  for (const int64_t stride : {1, 2, 4})
    for (const auto& [height, width] :
         std::vector<std::pair<int64_t, int64_t>>{{32, 48}, {33, 47}, {1, 1}, {5, 90}}) {
      SCOPED_TRACE(cat("stride ", stride, " size ", height, "x", width));
      Model model = small_model({.stride = stride});
      model.info.preprocessing.multiple = 8;
      const Image image = noise_image(height, width);
      EXPECT_LE(difference(SemanticPredictor(model).predict(image), naive_prediction(model, image)), 0.001);
    }
}

TEST(SemanticPredictor, TakesRegisteredNetworksAtAnySize) {
  Model model = build_net("mobilenet-x0.25-os8", {.classes = 5});
  model.info.classes = some_classes(5);
  model.weights = initial_weights(model.graph, 1);
  const SemanticPredictor predictor(model);
  const Image image = noise_image(75, 101);
  const LabelMap labels = predictor.predict(image);
  EXPECT_EQ(labels.height, 75);
  EXPECT_EQ(labels.width, 101);
  EXPECT_LE(difference(labels, naive_prediction(model, image)), 0.001);
}

TEST(SemanticPredictor, ProbabilitiesSumToOneAndAgreeWithTheLabels) {
  const SemanticPredictor predictor(small_model({.stride = 2}));
  const Image image = noise_image(31, 45);
  const Tensor p = predictor.probabilities(image);
  ASSERT_EQ(p.shape(), (Shape{4, 31, 45}));
  const LabelMap labels = predictor.predict(image);
  const float* data = p.data<float>().data();
  for (int64_t i = 0; i < 31 * 45; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < 4; ++c)
      sum += data[c * 31 * 45 + i];
    ASSERT_NEAR(sum, 1, 1e-5);
    for (int64_t c = 0; c < 4; ++c)
      ASSERT_LE(data[c * 31 * 45 + i], data[labels.labels[static_cast<size_t>(i)] * 31 * 45 + i] + 1e-5);
  }
}

// The network sees 2 pixels far; tiles count nothing within overlap/4 = 4 pixels of a cut.
TEST(SemanticPredictor, TilesGiveWhatTheWholePictureGives) {
  const Model model = small_model({});
  const SemanticPredictor whole(model);
  const SemanticPredictor tiled(model, {.tile = 48, .overlap = 16});
  for (const auto& [height, width] :
       std::vector<std::pair<int64_t, int64_t>>{{100, 130}, {49, 48}, {48, 200}, {333, 20}}) {
    SCOPED_TRACE(cat(height, "x", width));
    const Image image = noise_image(height, width);
    EXPECT_EQ(tiled.tile_for(height, width), 48);
    EXPECT_LT(largest_difference(whole.probabilities(image), tiled.probabilities(image)), 1e-5);
    EXPECT_LE(difference(whole.predict(image), tiled.predict(image)), 0.001);
  }
  EXPECT_EQ(tiled.tile_for(48, 48), 0);
}

TEST(SemanticPredictor, CutsIntoTilesWhatMemoryDoesNotAllow) {
  const Model model = small_model({});
  const SemanticPredictor whole(model);
  const SemanticPredictor tight(model, {.memory_bytes = int64_t{1} << 20, .overlap = 16});
  EXPECT_EQ(whole.tile_for(400, 300), 0);
  const int64_t tile = tight.tile_for(400, 300);
  EXPECT_GT(tile, 32);
  EXPECT_LT(tile, 300);
  const Image image = noise_image(400, 300);
  EXPECT_LE(difference(whole.predict(image), tight.predict(image)), 0.001);
  const SemanticPredictor tiny(model, {.memory_bytes = 1000});
  EXPECT_THAT(message_of([&] { tiny.predict(image); }), HasSubstr("--memory"));
}

TEST(SemanticPredictor, FixedSizesSeeTheResizedPicture) {
  const Model fixed = small_model({.stride = 2, .input = {1, 3, 32, 40}});
  const SemanticPredictor predictor(fixed);
  const Image exact = noise_image(32, 40);
  EXPECT_LE(difference(predictor.predict(exact), naive_prediction(fixed, exact)), 0.001);

  // A picture of flat quarters survives resizing, so its labels must be those of the resized picture,
  // resized.
  Image quarters(64, 120);
  for (int64_t y = 0; y < 64; ++y)
    for (int64_t x = 0; x < 120; ++x)
      for (int64_t c = 0; c < 3; ++c)
        quarters.at(y, x)[c] = static_cast<uint8_t>((x < 60 ? 20 : 200) + (y < 32 ? 0 : 40) + 5 * c);
  const LabelMap labels = predictor.predict(quarters);
  const LabelMap small = predictor.predict(resize_image(quarters, 32, 40));
  EXPECT_LE(difference(labels, resize_labels(small, 64, 120)), 0.1);
  EXPECT_EQ(predictor.probabilities(quarters).shape(), (Shape{4, 64, 120}));
}

TEST(SemanticPredictor, AnInputSizeMakesAnyNetworkOneOfFixedSize) {
  Model fixed = small_model({.stride = 2, .input = {1, 3, 24, 32}});
  Model free = small_model({.stride = 2});
  free.weights = fixed.weights;
  const PredictOptions options{.input_size = {24, 32}};
  for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{{24, 32}, {50, 41}, {10, 90}}) {
    const Image image = noise_image(height, width);
    const LabelMap labels = SemanticPredictor(free, options).predict(image);
    EXPECT_EQ(labels.labels, SemanticPredictor(fixed).predict(image).labels);
    EXPECT_EQ(labels.width, width);
  }
  free.info.preprocessing.multiple = 16;
  EXPECT_THAT(message_of([&] { SemanticPredictor(free, options); }), HasSubstr("multiples of 16"));
  EXPECT_THROW(SemanticPredictor(free, {.input_size = {16, 0}}), Error);
}

TEST(SemanticPredictor, FilesGiveWhatTheirPixelsGive) {
  const Image image = noise_image(45, 62);
  const std::string png = encode_png(image);
  for (const Pair& size : {Pair{0, 0}, Pair{24, 32}}) {
    const SemanticPredictor predictor(small_model({.stride = 2}), {.input_size = size});
    PredictSeconds seconds;
    EXPECT_EQ(predictor.predict_file(png, "a.png", &seconds).labels, predictor.predict(image).labels);
    EXPECT_GT(seconds.decode, 0);
    EXPECT_GT(seconds.preprocess, 0);
    EXPECT_GT(seconds.network, 0);
    EXPECT_GT(seconds.postprocess, 0);
  }
  EXPECT_THROW(SemanticPredictor(small_model({})).predict_file("no picture", "a.png"), Error);
}

/// A large JPEG, of which a network of small fixed input needs an eighth.
TEST(SemanticPredictor, JpegsDecodedReducedGiveNearlyTheSameLabels) {
  Image image(480, 640);
  for (int64_t y = 0; y < 480; ++y)
    for (int64_t x = 0; x < 640; ++x)
      for (int64_t c = 0; c < 3; ++c)
        image.at(y, x)[c] =
            static_cast<uint8_t>(128 + 100 * std::sin(0.02 * static_cast<double>(x + 40 * c)) *
                                           std::cos(0.015 * static_cast<double>(y)));
  const std::string jpeg = encode_jpeg(image, 95);
  const SemanticPredictor predictor(small_model({.stride = 2}), {.input_size = {60, 80}});
  const LabelMap labels = predictor.predict_file(jpeg, "a.jpg");
  EXPECT_EQ(labels.height, 480);
  EXPECT_EQ(labels.width, 640);
  EXPECT_LE(difference(labels, predictor.predict(image_from_bytes(jpeg, "a.jpg"))), 0.02);
}

TEST(SemanticPredictor, EndingsOfForeignNetworksComeOff) {
  const Image image = noise_image(20, 30);
  const SemanticPredictor plain(small_model({}));
  const Tensor expected = plain.probabilities(image);
  for (const auto ending : {SmallNet::softmax, SmallNet::argmax}) {
    const SemanticPredictor other(small_model({.ending = ending}));
    EXPECT_LT(largest_difference(expected, other.probabilities(image)), 1e-6);
    EXPECT_EQ(difference(plain.predict(image), other.predict(image)), 0);
  }
}

TEST(SemanticPredictor, OneChannelIsTwoClasses) {
  const Image image = noise_image(20, 30);
  const Model with_sigmoid = small_model({.classes = 2, .channels = 1, .ending = SmallNet::sigmoid});
  const Tensor sigmoid = Engine(with_sigmoid.graph, with_sigmoid.weights)
                             .run({preprocess(image, with_sigmoid.info.preprocessing)})
                             .at(0);
  for (const Model& model : {with_sigmoid, small_model({.classes = 2, .channels = 1})}) {
    const SemanticPredictor predictor(model);
    const Tensor p = predictor.probabilities(image);
    ASSERT_EQ(p.shape(), (Shape{2, 20, 30}));
    const LabelMap labels = predictor.predict(image);
    for (size_t i = 0; i < 600; ++i) {
      ASSERT_NEAR(p.data<float>()[600 + i], sigmoid.data<float>()[i], 1e-5);
      if (std::abs(sigmoid.data<float>()[i] - 0.5f) > 1e-4f) {
        ASSERT_EQ(labels.labels[i], sigmoid.data<float>()[i] > 0.5f ? 1 : 0);
      }
    }
  }
}

TEST(SemanticPredictor, OneServesManyThreads) {
  const SemanticPredictor predictor(small_model({.stride = 2}), {.engine = {.threads = 1}});
  std::vector<Image> images;
  for (uint64_t i = 0; i < 4; ++i)
    images.push_back(noise_image(40 + static_cast<int64_t>(i), 50, i));
  std::vector<LabelMap> parallel(images.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < images.size(); ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k)
        parallel[i] = predictor.predict(images[i]);
    });
  for (std::thread& thread : threads)
    thread.join();
  for (size_t i = 0; i < images.size(); ++i)
    EXPECT_EQ(parallel[i].labels, predictor.predict(images[i]).labels);
}

TEST(SemanticPredictor, WrongModelsSayWhatIsWrong) {
  Model nameless = small_model({});
  nameless.info.classes.clear();
  const std::string missing = message_of([&] { SemanticPredictor{nameless}; });
  for (const std::string flag : {"--classes", "--mean", "--std", "--order"})
    EXPECT_THAT(missing, HasSubstr(flag));

  Model other_task = small_model({});
  other_task.info.task = Task::instance;
  EXPECT_THAT(message_of([&] { SemanticPredictor{other_task}; }), HasSubstr("another task"));

  Model three = small_model({.classes = 3});
  EXPECT_THAT(message_of([&] { SemanticPredictor{three}; }), HasSubstr("3 classes"));

  Model grey = small_model({});
  grey.info.preprocessing = {.order = ChannelOrder::grey, .mean = {0}, .std = {255}};
  EXPECT_THAT(message_of([&] { SemanticPredictor{grey}; }), HasSubstr("3 channels"));

  EXPECT_THAT(message_of([&] { SemanticPredictor(small_model({}), {.tile = -1}); }), HasSubstr("tile -1"));
  const SemanticPredictor sound(small_model({}));
  EXPECT_THROW(sound.predict(Image()), Error);
}

}  // namespace
}  // namespace vitrail
