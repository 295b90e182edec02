#pragma once
// From 8-bit pixels to a network's input: channel order, mean, standard deviation, padding. Training,
// evaluation and prediction all call this, so that none of them can differ.
//
//   Tensor input = preprocess(read_image("street.jpg"), model.info.preprocessing);   // [1, 3, H', W']

#include <array>

#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"

namespace vitrail {

/// {height, width} of the network's input for an image of this size: the fixed size if there is one, else the
/// image's size rounded up to the multiple. Throws Error(shape) for an image larger than the fixed size.
std::array<int64_t, 2> input_size(int64_t height, int64_t width, const Preprocessing& preprocessing);

/// The network's input for an image: f32 [1, C, H', W'] = (pixel - mean) / std in `order`, padded at bottom
/// and right with the mean (0 after normalisation) to `input_size`. C is the length of `mean`.
///
/// A grey image enters a colour network as three equal channels; a colour image enters a grey network as its
/// luma (0.299 R + 0.587 G + 0.114 B); any other network reads just the channels that the image has
/// (channels.h), and `bgr` turns the first three. Throws Error(usage) for a `preprocessing` that contradicts
/// itself, Error(shape) for an empty image or channels that do not fit.
Tensor preprocess(const Image& image, const Preprocessing& preprocessing);

/// The same into memory that the caller owns (one image of a batch): C planes of height x width floats, each
/// at least as large as the image. All of it is written.
void preprocess_into(const Image& image, const Preprocessing& preprocessing, int64_t height, int64_t width,
                     float* planes);

/// Rows begin..end of that alone, so that threads can share the work.
void preprocess_rows(const Image& image, const Preprocessing& preprocessing, int64_t height, int64_t width,
                     int64_t begin, int64_t end, float* planes);

/// How many rows of pixels are worth a thread: a quarter of a million pixels take a tenth of a millisecond.
int64_t rows_worth_a_thread(int64_t width);

}  // namespace vitrail
