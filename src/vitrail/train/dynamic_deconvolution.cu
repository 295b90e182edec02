// One thread per element of the result, which it gathers: no atomics, the same bits every time.

#include <cuda_runtime.h>

#include "vitrail/train/dynamic_deconvolution_cuda.h"

namespace vitrail::train {
namespace {

using Size = kernels::DynamicDeconvolutionSize;

constexpr int block = 256;

__device__ int64_t first_index() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ int64_t index_step() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}

// D[n,c,y,x] = sum over t of M[n,c,i,j] V[n,t,i,j] with s i + ty = y, s j + tx = x
__global__ void gather(Size size, const float* m, const float* v, float* d) {
  const int64_t s = size.op.stride, area = size.height * size.width;
  const int64_t count = size.images * size.channels * size.out_height * size.out_width;
  for (int64_t index = first_index(); index < count; index += index_step()) {
    const int64_t x = index % size.out_width, y = index / size.out_width % size.out_height;
    const int64_t plane = index / size.out_width / size.out_height, n = plane / size.channels;
    float sum = 0;
    for (int ty = 1; ty >= -1; --ty)
      for (int tx = 1; tx >= -1; --tx) {
        const int64_t from_y = y - ty, from_x = x - tx;
        if (from_y < 0 || from_x < 0 || from_y % s != 0 || from_x % s != 0) continue;
        const int64_t i = from_y / s, j = from_x / s;
        if (i >= size.height || j >= size.width) continue;
        const int64_t at = i * size.width + j;
        sum += m[plane * area + at] * v[(n * 9 + 3 * (ty + 1) + tx + 1) * area + at];
      }
    d[index] = sum;
  }
}

// What tap t of (i,j) reads of a plane of D's gradient.
__device__ float tap(const Size& size, const float* gradient, int64_t t, int64_t i, int64_t j) {
  const int64_t y = size.op.stride * i + t / 3 - 1, x = size.op.stride * j + t % 3 - 1;
  if (y < 0 || y >= size.out_height || x < 0 || x >= size.out_width) return 0;
  return gradient[y * size.out_width + x];
}

__global__ void gradient_of_m(Size size, const float* v, const float* gradient, float* dm) {
  const int64_t area = size.height * size.width, out_area = size.out_height * size.out_width;
  const int64_t count = size.images * size.channels * area;
  for (int64_t index = first_index(); index < count; index += index_step()) {
    const int64_t at = index % area, plane = index / area, n = plane / size.channels;
    float sum = 0;
    for (int64_t t = 0; t < 9; ++t)
      sum += v[(n * 9 + t) * area + at] *
             tap(size, gradient + plane * out_area, t, at / size.width, at % size.width);
    dm[index] = sum;
  }
}

__global__ void gradient_of_v(Size size, const float* m, const float* gradient, float* dv) {
  const int64_t area = size.height * size.width, out_area = size.out_height * size.out_width;
  const int64_t count = size.images * 9 * area;
  for (int64_t index = first_index(); index < count; index += index_step()) {
    const int64_t at = index % area, t = index / area % 9, n = index / area / 9;
    float sum = 0;
    for (int64_t plane = n * size.channels; plane < (n + 1) * size.channels; ++plane)
      sum +=
          m[plane * area + at] * tap(size, gradient + plane * out_area, t, at / size.width, at % size.width);
    dv[index] = sum;
  }
}

int blocks_for(int64_t count) {
  constexpr int64_t most = 65535;  // the loops inside take the rest
  const int64_t blocks = (count + block - 1) / block;
  return static_cast<int>(blocks < most ? blocks : most);
}

const char* outcome() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? "" : cudaGetErrorString(error);
}

}  // namespace

const char* dynamic_deconvolution_cuda(const Size& size, const float* m, const float* v, float* d,
                                       void* stream) {
  const int64_t count = size.images * size.channels * size.out_height * size.out_width;
  gather<<<blocks_for(count), block, 0, static_cast<cudaStream_t>(stream)>>>(size, m, v, d);
  return outcome();
}

const char* dynamic_deconvolution_backward_cuda(const Size& size, const float* m, const float* v,
                                                const float* gradient, float* dm, float* dv, void* stream) {
  const auto queue = static_cast<cudaStream_t>(stream);
  const int64_t area = size.images * size.height * size.width;
  if (dm != nullptr)
    gradient_of_m<<<blocks_for(area * size.channels), block, 0, queue>>>(size, v, gradient, dm);
  if (dv != nullptr) gradient_of_v<<<blocks_for(area * 9), block, 0, queue>>>(size, m, gradient, dv);
  return outcome();
}

}  // namespace vitrail::train
