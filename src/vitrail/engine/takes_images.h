#pragma once
// Layers that take whole images from a batch.

#include "vitrail/engine/network.h"

namespace vitrail::engine_detail {

/// Whether it is a Gather of images [C,H,W] from a map [N,C,H,W]: they lie in one piece in either layout.
bool takes_images(const Network& network, const Layer& layer);

}  // namespace vitrail::engine_detail
