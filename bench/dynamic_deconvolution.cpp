// Tables 3 and 4 of the Pixel Voting Decoder's paper on a CPU: dynamic deconvolution of 19 channels by the
// step-by-step update, the matrix form and the exact form, beside LibTorch's conv2d and conv_transpose2d
// (19 to 19 channels, 3x3), and the exact form's bytes per second beside those of a copy. Markdown on stdout.
//
//   bench_dynamic_deconvolution [threads = 2] [seconds per row = 2] [clock = wall]
//
// With the clock `cpu` a time is the processor time of the whole process divided by the threads: what the
// wall clock would say if nothing else ran. Set OMP_WAIT_POLICY=passive then, so that waiting costs none.
//
// The methods of a row take turns, so that whatever else the machine does meets them alike. The copy is the
// faster of plain and streaming stores, over as many bytes as the exact form has to move.

#include "vitrail/engine/kernels/dynamic_deconvolution.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <malloc.h>
#include <time.h>
#include <torch/torch.h>

#include "vitrail/base/parallel.h"
#include "vitrail/base/random.h"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/kernels/lanes.h"

namespace {

using namespace vitrail;
using kernels::DynamicDeconvolutionSize;
using Form = op::DynamicDeconvolution::Form;

constexpr int64_t channels = 19;

// Seconds since some moment, by the wall or of the processors' time per thread.
struct Clock {
  int threads = 2;
  bool processor = false;
  double now() const {
    timespec time;
    clock_gettime(processor ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
    return (static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec)) /
           (processor ? threads : 1);
  }
};

struct Timing {
  double best = 0, median = 0;  // milliseconds
};

struct Method {
  std::string name;
  std::function<void()> run;
};

// At least three rounds, then until the time is up. In its turn a method runs up to five times, so that what
// fits the caches may stay there; the first run of all is not counted.
std::vector<Timing> take_turns(const Clock& clock, const std::vector<Method>& methods, double budget) {
  std::vector<std::vector<double>> times(methods.size());
  double spent = 0;
  for (int round = 0; round < 4 || (spent < budget && round < 1000); ++round)
    for (size_t i = 0; i < methods.size(); ++i) {
      double turn = 0;
      for (int run = 0; run < 5 && turn < 0.02; ++run) {
        const double start = clock.now();
        methods[i].run();
        const double taken = clock.now() - start;
        turn += taken;
        if (round > 0) times[i].push_back(1e3 * taken);
      }
      spent += turn;
    }
  std::vector<Timing> result;
  for (std::vector<double>& all : times) {
    std::sort(all.begin(), all.end());
    result.push_back({all.front(), all[all.size() / 2]});
  }
  return result;
}

Tensor random_tensor(Random& random, const Shape& shape) {
  Tensor tensor = Tensor::empty(DataType::f32, shape);
  for (float& value : tensor.data<float>())
    value = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

const float* data(const Tensor& tensor) {
  return tensor.data<float>().data();
}
float* data(Tensor& tensor) {
  return tensor.data<float>().data();
}

// M, V, D and their gradients for a square input of side n.
struct Maps {
  DynamicDeconvolutionSize size;
  Tensor m, v, d, dm, dv;

  Maps(int64_t n, int64_t stride) {
    Random random(1);
    size = {.channels = channels,
            .height = n,
            .width = n,
            .out_height = n * stride,
            .out_width = n * stride,
            .op = {.stride = stride}};
    m = random_tensor(random, {1, channels, n, n});
    v = random_tensor(random, {1, 9, n, n});
    d = random_tensor(random, {1, channels, n * stride, n * stride});
    dm = random_tensor(random, m.shape());
    dv = random_tensor(random, v.shape());
  }
  int64_t bytes() const { return m.bytes() + v.bytes() + d.bytes(); }

  void forward(Form form) {
    DynamicDeconvolutionSize now = size;
    now.op.form = form;
    kernels::dynamic_deconvolution(now, data(m), data(v), data(d));
  }
  void step_by_step() { kernels::dynamic_deconvolution_by_steps(size, data(m), data(v), data(d)); }
  void backward() {
    kernels::dynamic_deconvolution_backward(size, data(m), data(v), data(d), data(dm), data(dv));
  }
};

// Reads and writes half of `bytes` each.
struct Copy {
  Tensor from, to;
  explicit Copy(int64_t bytes)
      : from(Tensor::zeros(DataType::f32, {bytes / 128 * 16})),
        to(Tensor::zeros(DataType::f32, from.shape())) {}
  template <bool streaming>
  void run() {
    const float* x = data(std::as_const(from));
    float* y = data(to);
    parallel_ranges(from.elements() / 16, 256, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin * 16; i < end * 16; i += 4)
        if constexpr (streaming)
          kernels::stream<4>(y + i, kernels::load<4>(x + i));
        else
          kernels::store<4>(y + i, kernels::load<4>(x + i));
      kernels::store_fence();
    });
  }
};

// LibTorch's convolutions of the same input.
struct Convolutions {
  at::Tensor x, weight, gradient;
  int64_t stride;

  Convolutions(int64_t n, int64_t s)
      : x(torch::rand({1, channels, n, n})),
        weight(torch::rand({channels, channels, 3, 3})),
        gradient(torch::rand({1, channels, n * s, n * s})),
        stride(s) {}
  at::Tensor down() const { return torch::conv2d(x, weight, {}, stride, 1); }
  at::Tensor up() const { return torch::conv_transpose2d(x, weight, {}, stride, 1, stride - 1); }
  void up_and_back() {
    const at::Tensor input = x.detach().requires_grad_(true), w = weight.detach().requires_grad_(true);
    torch::conv_transpose2d(input, w, {}, stride, 1, stride - 1).backward(gradient);
  }
};

void print_header(const std::vector<std::string>& columns) {
  std::string line = "|", rule = "|";
  for (const std::string& column : columns) {
    line += " " + column + " |";
    rule += "---|";
  }
  std::printf("%s\n%s\n", line.c_str(), rule.c_str());
}

void forward_row(const Clock& clock, int64_t n, int64_t stride, double budget) {
  Maps maps(n, stride);
  Convolutions torch_maps(n, stride);
  Copy copy(maps.bytes());
  const at::NoGradGuard no_gradients;
  const std::vector<Timing> t = take_turns(clock,
                                           {{"step", [&] { maps.step_by_step(); }},
                                            {"matrix", [&] { maps.forward(Form::matrix); }},
                                            {"exact", [&] { maps.forward(Form::exact); }},
                                            {"conv2d", [&] { torch_maps.down(); }},
                                            {"conv_transpose2d", [&] { torch_maps.up(); }},
                                            {"copy", [&] { copy.run<false>(); }},
                                            {"streaming copy", [&] { copy.run<true>(); }}},
                                           budget);
  const double alone = clock.processor ? clock.threads : 1;  // this one runs on one thread
  const double bytes = static_cast<double>(maps.bytes()), copied = std::min(t[5].best, t[6].best);
  std::printf("| %ld | %ld | %.3f | %.4f | **%.4f** (%.4f) | %.3f | %.3f | %.1fx | %.1f | %.1f | %.0f %% |\n",
              n, stride, alone * t[0].best, t[1].best, t[2].best, t[2].median, t[3].best, t[4].best,
              t[4].best / t[2].best, 1e-6 * bytes / t[2].best, 1e-6 * bytes / copied,
              100 * copied / t[2].best);
  std::fflush(stdout);
}

void training_row(const Clock& clock, int64_t n, int64_t stride, double budget) {
  Maps maps(n, stride);
  Convolutions torch_maps(n, stride);
  const std::vector<Timing> t = take_turns(clock,
                                           {{"exact",
                                             [&] {
                                               maps.forward(Form::exact);
                                               maps.backward();
                                             }},
                                            {"conv_transpose2d", [&] { torch_maps.up_and_back(); }}},
                                           budget);
  std::printf("| %ld | %ld | **%.3f** (%.3f) | %.3f (%.3f) | %.1fx |\n", n, stride, t[0].best, t[0].median,
              t[1].best, t[1].median, t[1].best / t[0].best);
  std::fflush(stdout);
}

// MB of what goes in and comes out (for the matrix form also the gathered votes).
void memory_row(const char* name, const std::function<int64_t(int64_t)>& megabytes) {
  std::printf("| %s | %ld | %ld |\n", name, megabytes(1), megabytes(2));
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 2;
  const double budget = count > 2 ? std::atof(arguments[2]) : 2;
  const Clock clock{threads, count > 3 && std::string(arguments[3]) == "cpu"};
  // Results of LibTorch are allocated anew every time: keep the pages.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  omp_set_num_threads(threads);
  at::set_num_threads(threads);

  std::printf(
      "%d threads, %s clock. Forward, milliseconds: best of the rounds, of the exact form the median in "
      "brackets.\n\n",
      threads, clock.processor ? "cpu" : "wall");
  print_header({"n", "stride", "step by step", "matrix form", "exact form", "conv2d", "conv_transpose2d",
                "exact is faster than conv_transpose2d", "exact, GB/s", "copy, GB/s", "of the copy"});
  for (const int64_t n : {1024, 512, 256, 128, 64, 32, 16, 8})
    for (const int64_t stride : {1, 2})
      forward_row(clock, n, stride, budget);

  std::printf("\nForward and backward, milliseconds: best (median).\n\n");
  print_header({"n", "stride", "exact form", "conv_transpose2d", "faster"});
  for (const int64_t n : {1024, 512, 256, 128, 64})
    for (const int64_t stride : {1, 2})
      training_row(clock, n, stride, budget);

  std::printf("\nMaps at 1024 x 1024, MB: those that are read and written.\n\n");
  print_header({"", "stride 1", "stride 2"});
  constexpr int64_t plane = 4;  // MB of 1024 x 1024 floats
  memory_row("conv2d", [](int64_t s) { return plane * channels + plane * channels / (s * s); });
  memory_row("conv_transpose2d", [](int64_t s) { return plane * (channels + channels * s * s); });
  memory_row("step by step, exact form", [](int64_t s) { return plane * (channels + 9 + channels * s * s); });
  memory_row("matrix form", [](int64_t s) { return plane * (channels + 9 + channels * s * s + s * s); });
}
