#include "vitrail/data/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

/// Small made-up pictures of unlike sizes; sample 13 can be made to fail.
class MadeDataset : public Dataset {
 public:
  explicit MadeDataset(int64_t size, int64_t broken = -1, bool slow = false)
      : size_(size), broken_(broken), slow_(slow) {}
  int64_t size() const override { return size_; }
  Sample load(int64_t index) const override {
    ++loads;
    if (slow_) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (index == broken_)
      throw Error(ErrorKind::format, {.where = image_path(index).string(), .found = "truncated"});
    Random random(static_cast<uint64_t>(index));
    Sample sample{Image(20 + index % 3, 30 - index % 5), LabelMap(20 + index % 3, 30 - index % 5),
                  name(index)};
    for (uint8_t& v : sample.image.pixels)
      v = static_cast<uint8_t>(random.integer(0, 255));
    for (uint16_t& v : sample.labels.labels)
      v = static_cast<uint16_t>(random.integer(0, 3));
    return sample;
  }
  std::string name(int64_t index) const override { return "sample_" + std::to_string(index); }
  std::filesystem::path image_path(int64_t index) const override { return name(index) + ".png"; }
  std::filesystem::path label_path(int64_t index) const override { return image_path(index); }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  const std::map<int64_t, int64_t>& label_map() const override { return map_; }

  mutable std::atomic<int64_t> loads = 0;

 private:
  int64_t size_, broken_;
  bool slow_;
  std::vector<ClassInfo> classes_{4};
  std::map<int64_t, int64_t> map_;
};

const AugmentOptions busy{.scale_min = 0.5,
                          .scale_max = 2,
                          .rotate_degrees = 10,
                          .crop_height = 24,
                          .crop_width = 16,
                          .crop_max_class_share = 0.75,
                          .flip = 0.5,
                          .brightness = 0.3,
                          .contrast = 0.3,
                          .saturation = 0.3,
                          .hue_degrees = 10,
                          .blur = 0.5};
const Preprocessing normal{.mean = {120, 110, 100}, .std = {60, 61, 62}};

void expect_same(const Batch& a, const Batch& b) {
  ASSERT_EQ(a.step, b.step);
  ASSERT_EQ(a.names, b.names);
  ASSERT_EQ(a.images.shape(), b.images.shape());
  ASSERT_TRUE(std::ranges::equal(a.images.data<float>(), b.images.data<float>())) << "step " << a.step;
  ASSERT_TRUE(std::ranges::equal(a.labels.data<int64_t>(), b.labels.data<int64_t>())) << "step " << a.step;
}

std::vector<Batch> batches(const Dataset& data, LoaderOptions options, int64_t first, int64_t count) {
  Loader loader(data, busy, normal, options, first);
  std::vector<Batch> out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(loader.next());
  return out;
}

TEST(Loader, ThreadsPrefetchAndCacheChangeNothing) {
  const MadeDataset data(23);
  const auto reference =
      batches(data, {.batch = 5, .seed = 3, .threads = 1, .prefetch = 1, .cache_bytes = 0}, 0, 12);
  for (const int threads : {1, 2, 4})
    for (const int64_t prefetch : {1, 3, 8})
      for (const int64_t cache_bytes : {0, 20000, 1 << 30}) {
        const auto same = batches(
            data,
            {.batch = 5, .seed = 3, .threads = threads, .prefetch = prefetch, .cache_bytes = cache_bytes}, 0,
            12);
        for (size_t i = 0; i < same.size(); ++i)
          expect_same(reference[i], same[i]);
      }
  const auto other = batches(data, {.batch = 5, .seed = 4}, 0, 1);
  EXPECT_FALSE(std::ranges::equal(reference[0].images.data<float>(), other[0].images.data<float>()));
}

TEST(Loader, ResumesAtAnyStep) {
  const MadeDataset data(7);
  const auto reference = batches(data, {.batch = 3, .seed = 9}, 0, 20);
  for (const int64_t first : {1, 6, 13, 19}) {
    const auto resumed = batches(data, {.batch = 3, .seed = 9, .threads = 3}, first, 20 - first);
    for (size_t i = 0; i < resumed.size(); ++i)
      expect_same(reference[i + static_cast<size_t>(first)], resumed[i]);
  }
}

TEST(Loader, EveryEpochHoldsEverySampleOnceInANewOrder) {
  const int64_t size = 11;
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < size; ++i)
      order.push_back(shuffled_index(1, size, epoch * size + i));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < size; ++i)
      ASSERT_EQ(order[static_cast<size_t>(i)], i);
  }
  EXPECT_EQ(orders.size(), 5u);
}

TEST(Loader, BatchesFollowTheShuffledSequenceAcrossEpochs) {
  const MadeDataset data(7);
  const auto got = batches(data, {.batch = 4, .seed = 2}, 0, 6);
  for (int64_t position = 0; position < 24; ++position)
    EXPECT_EQ(got[static_cast<size_t>(position / 4)].names[static_cast<size_t>(position % 4)],
              data.name(shuffled_index(2, 7, position)));
}

TEST(Loader, PadsUnlikeSizesWithTheMeanAndTheIgnoreLabel) {
  const MadeDataset data(6);
  Preprocessing multiple = normal;
  multiple.multiple = 8;
  Loader loader(data, {}, multiple, {.batch = 6});
  const Batch batch = loader.next();
  ASSERT_EQ(batch.images.shape(), (Shape{6, 3, 24, 32}));
  ASSERT_EQ(batch.labels.shape(), (Shape{6, 24, 32}));
  const auto images = batch.images.data<float>();
  const auto labels = batch.labels.data<int64_t>();
  for (int64_t n = 0; n < 6; ++n) {
    const int64_t index = std::stoll(batch.names[static_cast<size_t>(n)].substr(7));
    const Sample sample = data.load(index);
    for (int64_t y = 0; y < 24; ++y)
      for (int64_t x = 0; x < 32; ++x) {
        const bool inside = y < sample.image.height && x < sample.image.width;
        ASSERT_EQ(labels[static_cast<size_t>((n * 24 + y) * 32 + x)], inside ? sample.labels.at(y, x) : 255);
        const float red = images[static_cast<size_t>((n * 3 * 24 + y) * 32 + x)];
        ASSERT_NEAR(red, inside ? (sample.image.at(y, x)[0] - 120) / 60.0 : 0, 1e-5);
      }
  }
}

TEST(Loader, AWorkersFaultReachesTheConsumerAtItsStepAndNotBefore) {
  const MadeDataset data(40, /*broken=*/13);
  int64_t position = 0;
  while (shuffled_index(5, 40, position) != 13)
    ++position;
  Loader loader(data, {}, normal, {.batch = 2, .seed = 5, .threads = 3});
  for (int64_t step = 0; step < position / 2; ++step)
    EXPECT_NO_THROW(loader.next());
  for (int again = 0; again < 2; ++again) {
    try {
      loader.next();
      FAIL() << "the broken sample went unnoticed";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::format);
      EXPECT_NE(std::string(e.what()).find("sample_13.png"), std::string::npos) << e.what();
    }
  }
}

TEST(Loader, StopsCleanlyWhileWorkersWaitOrWork) {
  const MadeDataset data(5);
  { Loader unused(data, busy, normal, {.threads = 4, .prefetch = 1}); }
  {
    Loader full(data, busy, normal, {.batch = 2, .threads = 4, .prefetch = 2});
    full.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // workers are waiting for room
  }
  const MadeDataset slow(5, -1, true);
  const auto begin = std::chrono::steady_clock::now();
  { Loader working(slow, busy, normal, {.batch = 1000, .threads = 2, .cache_bytes = 0}); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5)) << "a batch would take 20 s";
}

TEST(Loader, TheCacheDecodesEachSampleOnceAndKeepsItsBound) {
  const MadeDataset cached(10), bare(10);
  batches(cached, {.batch = 5, .threads = 1}, 0, 8);
  EXPECT_EQ(cached.loads, 10);
  batches(bare, {.batch = 5, .threads = 1, .cache_bytes = 0}, 0, 8);
  EXPECT_GE(bare.loads, 40);
}

TEST(Loader, RefusesOptionsOutOfRange) {
  const MadeDataset data(3), empty(0);
  EXPECT_THROW(Loader(empty, {}, {}, {}), Error);
  EXPECT_THROW(Loader(data, {}, {}, {.batch = 0}), Error);
  EXPECT_THROW(Loader(data, {}, {}, {.threads = 0}), Error);
  EXPECT_THROW(Loader(data, {.flip = 2}, {}, {}), Error);
  EXPECT_THROW(Loader(data, {}, {.std = {0, 0, 0}}, {}), Error);
  EXPECT_THROW(Loader(data, {}, {}, {}, -1), Error);
}

}  // namespace
}  // namespace vitrail
