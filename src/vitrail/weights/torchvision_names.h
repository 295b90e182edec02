#pragma once
// torchvision renamed layers of its detectors in 0.13, and still reads both: files that it publishes have the
// old names, files that it saves the new ones. Our networks have the old ones.

#include <string>

namespace vitrail {

/// The old name of a new one ("rpn.head.conv.0.0.weight" -> "rpn.head.conv.weight"); any other as it is.
std::string torchvision_published_name(const std::string& name);

}  // namespace vitrail
