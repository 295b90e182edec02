// Joining, choosing and normalising along an axis.

#include <algorithm>
#include <cstring>
#include <numeric>

#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::evaluate_detail {

void run(const op::Concat& op, Inputs in, Tensor& out) {
  const Lanes whole(out.shape(), op.axis);
  const int64_t width = size_of(out.type());
  int64_t offset = 0;
  for (const Tensor& part : in) {
    const Lanes lanes(part.shape(), op.axis);
    const int64_t bytes = lanes.size * lanes.inner * width;
    for (int64_t o = 0; o < lanes.outer && bytes > 0; ++o)
      std::memcpy(out.raw() + (o * whole.size + offset) * whole.inner * width, part.raw() + o * bytes,
                  static_cast<size_t>(bytes));
    offset += lanes.size;
  }
}

void run(const op::Slice&, Inputs in, Tensor& out) {
  std::vector<OpInput> known;
  for (const Tensor& input : in)
    known.push_back(
        {.shape = input.shape(), .type = input.type(), .content = input, .present = input.defined()});
  std::vector<int64_t> strides = strides_of(in[0].shape());
  int64_t start = 0;
  for (const shape_rules::SliceAxis& cut : shape_rules::slice_axes(known)) {
    start += cut.start * strides[cut.axis];
    // One element needs no step, and a huge one would overflow.
    strides[cut.axis] = cut.count > 1 ? strides[cut.axis] * cut.step : 0;
  }
  copy_strided(in[0], start, out.shape(), std::move(strides), out);
}

void run(const op::Gather& op, Inputs in, Tensor& out) {
  const Lanes lanes(in[0].shape(), op.axis);
  const int64_t bytes = lanes.inner * size_of(out.type());
  std::vector<int64_t> indices = integers(in[1]);
  for (int64_t& index : indices)
    index = checked_index(index, lanes.size);
  std::byte* to = out.raw();
  for (int64_t o = 0; o < lanes.outer && bytes > 0; ++o)
    for (const int64_t index : indices) {
      std::memcpy(to, in[0].raw() + (o * lanes.size + index) * bytes, static_cast<size_t>(bytes));
      to += bytes;
    }
}

void run(const op::GatherElements& op, Inputs in, Tensor& out) {
  const size_t axis = shape_rules::resolved_axis(op.axis, in[0].shape().size());
  const std::vector<int64_t> indices = integers(in[1]);
  Walk<2> walk{out.shape(), {strides_of(in[0].shape()), strides_of(out.shape())}};
  const int64_t along = walk.strides[0][axis], size = in[0].shape()[axis];
  walk.strides[0][axis] = 0;
  for_width(out.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in[0]);
    T* y = write<T>(out);
    walk.rows({0, 0}, [&](int64_t position, const auto& at, int64_t count, const auto& step) {
      for (int64_t i = 0; i < count; ++i)
        y[position + i] =
            x[at[0] + i * step[0] + checked_index(indices[static_cast<size_t>(position + i)], size) * along];
    });
  });
}

namespace {

// finish(x - largest, sum of exp) for each element of each lane.
template <class Finish>
void softmax(int64_t axis, const Tensor& in, Tensor& out, const Finish& finish) {
  const Lanes lanes(in.shape(), axis);
  for_float(in.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in);
    T* y = write<T>(out);
    for_lanes(lanes, [&](int64_t first, int64_t step, int64_t) {
      double most = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t i = 0; i < lanes.size; ++i)
        most = std::max(most, static_cast<double>(x[first + i * step]));
      for (int64_t i = 0; i < lanes.size; ++i)
        sum += std::exp(static_cast<double>(x[first + i * step]) - most);
      for (int64_t i = 0; i < lanes.size; ++i)
        y[first + i * step] = static_cast<T>(finish(static_cast<double>(x[first + i * step]) - most, sum));
    });
  });
}

}  // namespace

void run(const op::Softmax& op, Inputs in, Tensor& out) {
  softmax(op.axis, in[0], out, [](double x, double sum) { return std::exp(x) / sum; });
}
void run(const op::LogSoftmax& op, Inputs in, Tensor& out) {
  softmax(op.axis, in[0], out, [](double x, double sum) { return x - std::log(sum); });
}

void run(const op::ArgMax& op, Inputs in, Tensor& out) {
  const Lanes lanes(in[0].shape(), op.axis);
  auto* y = write<int64_t>(out);
  for_number(in[0].type(), [&](auto zero) {
    const auto* x = read<decltype(zero)>(in[0]);
    for_lanes(lanes, [&](int64_t first, int64_t step, int64_t lane) {
      int64_t best = 0;
      for (int64_t i = 1; i < lanes.size; ++i)
        if (x[first + i * step] > x[first + best * step]) best = i;
      y[lane] = best;
    });
  });
}

void run(const op::TopK& op, Inputs in, Tensor& out) {
  const Lanes lanes(in[0].shape(), op.axis), chosen(out.shape(), op.axis);
  const bool indices = op.part == op::TopK::Part::indices;
  std::vector<int64_t> order(static_cast<size_t>(lanes.size));
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in[0]);
    for_lanes(lanes, [&](int64_t first, int64_t step, int64_t lane) {
      std::iota(order.begin(), order.end(), 0);
      const auto better = [&](int64_t i, int64_t j) {
        const T a = x[first + i * step], b = x[first + j * step];
        if (before(a, b)) return !op.largest;
        if (before(b, a)) return op.largest;
        return i < j;
      };
      std::partial_sort(order.begin(), order.begin() + chosen.size, order.end(), better);
      const int64_t to = chosen.first(lane / lanes.inner, lane % lanes.inner);
      for (int64_t i = 0; i < chosen.size; ++i) {
        const int64_t from = order[static_cast<size_t>(i)];
        if (indices)
          write<int64_t>(out)[to + i * chosen.inner] = from;
        else
          write<T>(out)[to + i * chosen.inner] = x[first + from * step];
      }
    });
  });
}

void run(const op::CumSum& op, Inputs in, Tensor& out) {
  const Lanes lanes(in[0].shape(), op.axis);
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in[0]);
    T* y = write<T>(out);
    for_lanes(lanes, [&](int64_t first, int64_t step, int64_t) {
      Wide<T> total = 0;
      for (int64_t i = 0; i < lanes.size; ++i) {
        const int64_t at = first + (op.reverse ? lanes.size - 1 - i : i) * step;
        const auto value = static_cast<Wide<T>>(x[at]);
        if (op.exclusive) y[at] = static_cast<T>(total);
        total = sum(total, value);
        if (!op.exclusive) y[at] = static_cast<T>(total);
      }
    });
  });
}

}  // namespace vitrail::evaluate_detail
