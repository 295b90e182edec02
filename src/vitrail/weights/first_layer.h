#pragma once
// The layers that read a network's image, and their weights for images of another number of channels: a
// network that was trained on R, G, B is the start of one that sees more.
//
//   if (image_weights(model.graph).contains("backbone.conv1.weight"))
//     weight = with_input_channels(weight, 4);    // [64, 3, 7, 7] -> [64, 4, 7, 7]

#include <cstdint>
#include <set>
#include <string>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/graph.h"

namespace vitrail {

/// Names of the weights of all convolutions that read the image itself, or what was padded, resized, cut or
/// normalised of it.
std::set<std::string> image_weights(const Graph& graph);

/// A convolution's weight [out, C, h, w] for `channels` of the image. More than C: the first C keep their
/// weights and those behind start at 0, so that the network begins as the function that it was. Fewer than
/// three where C is 3: the picture is grey, and the first channel gets the sum of the three, as if it were
/// all of them. Throws Error(shape) for another weight or fewer channels of what is no colour.
Tensor with_input_channels(const Tensor& weight, int64_t channels);

/// Whether `weight` becomes of shape `wanted` by that.
bool can_have_input_channels(const Shape& weight, const Shape& wanted);

}  // namespace vitrail
