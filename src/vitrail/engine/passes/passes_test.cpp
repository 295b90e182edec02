// Every pass on random networks: the results before equal those after, and the pass did something.

#include "vitrail/engine/passes/pass_testing.h"

namespace vitrail::engine_detail {
namespace {

// The network with and without `pass`, compared; returns how many layers the pass removed.
int64_t removed_layers(const engine_test::Case& c, const std::function<void(Network&)>& prepare,
                       const std::function<void(Network&)>& pass) {
  Network before = network_of(c);
  prepare(before);
  const Network after = compared(c, prepare, pass);
  return static_cast<int64_t>(before.layers.size()) - static_cast<int64_t>(after.layers.size());
}

void check_on_random_networks(const std::function<void(Network&)>& prepare,
                              const std::function<void(Network&)>& pass) {
  int64_t removed = 0;
  for (uint64_t seed = 0; seed < 40 && !testing::Test::HasFailure(); ++seed)
    removed += removed_layers(engine_test::random_network(seed), prepare, pass);
  EXPECT_GE(removed, 10) << "the pass found almost nothing to do";
}

void nothing(Network&) {}

TEST(Passes, DropIdentity) {
  check_on_random_networks(nothing, drop_identity);
}

TEST(Passes, FoldBatchNorm) {
  check_on_random_networks(nothing, fold_batch_norm);
}

TEST(Passes, FuseResidual) {
  check_on_random_networks(drop_identity, fuse_residual);
}

TEST(Passes, FuseActivation) {
  check_on_random_networks(fuse_residual, fuse_activation);
}

TEST(Passes, AllTogether) {
  const auto all = [](Network& network) {
    drop_identity(network);
    fold_batch_norm(network);
    run_bound_passes(network, 2);
  };
  check_on_random_networks(nothing, all);
}

// A batch norm whose convolution is read by others too must stay.
TEST(Passes, SharedConvolutionsKeepTheirBatchNorm) {
  engine_test::Case c(7);
  const Value image = c.input({1, 3, 8, 8});
  const Value conv = c.conv(image, 3, 8, 3);
  c.graph.output("normalised", c.batch_norm(conv, 8));
  c.graph.output("raw", conv);
  EXPECT_EQ(removed_layers(c, nothing, fold_batch_norm), 0);
}

// x + conv(x): the sum's buffer is what the convolution reads, so it must not be accumulated in place.
TEST(Passes, ASumWithItsOwnInputIsNotFused) {
  engine_test::Case c(8);
  const Value image = c.input({1, 3, 8, 8});
  const Value x = c.conv(image, 3, 8, 1);
  c.graph.output("y", c.graph.add(op::Add{}, {x, c.conv(x, 8, 8, 3, {.pads = {1, 1, 1, 1}})}));
  EXPECT_EQ(removed_layers(c, nothing, fuse_residual), 0);
}

// Moving a convolution to its sum must not let it read a buffer that an earlier sum has overwritten.
TEST(Passes, AMovedConvolutionStillReadsItsInput) {
  engine_test::Case c(9);
  const op::Conv same{.pads = {1, 1, 1, 1}};
  const Value image = c.input({1, 3, 8, 8});
  const Value x = c.conv(image, 3, 8, 1), w = c.conv(image, 3, 8, 1), z = c.conv(image, 3, 8, 1);
  const Value from_x = c.conv(x, 8, 8, 3, same), from_z = c.conv(z, 8, 8, 3, same);
  const Value first = c.graph.add(op::Add{}, {from_z, x});
  const Value second = c.graph.add(op::Add{}, {from_x, w});
  c.graph.output("first", first);
  c.graph.output("second", second);
  EXPECT_GE(removed_layers(c, nothing, fuse_residual), 1);
}

TEST(Passes, FuseResizeArgMax) {
  engine_test::Case c(10);
  const Value image = c.input({2, 3, 16, 20});
  const Value logits = c.conv(image, 3, 7, 3, {.strides = {4, 4}, .pads = {1, 1, 1, 1}});
  const Value resized = c.graph.add(op::Resize{}, {logits, image});
  c.graph.output("labels", c.graph.add(op::ArgMax{}, {resized}));
  EXPECT_EQ(removed_layers(c, nothing, fuse_resize_argmax), 1);
}

}  // namespace
}  // namespace vitrail::engine_detail
