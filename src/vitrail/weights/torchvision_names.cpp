#include "vitrail/weights/torchvision_names.h"

#include <regex>

namespace vitrail {

std::string torchvision_published_name(const std::string& name) {
  static const std::regex pyramid(R"((.*fpn\.(?:inner|layer)_blocks\.\d+)\.0\.(weight|bias))");
  static const std::regex proposals(R"((rpn\.head\.conv)\.0\.0\.(weight|bias))");
  static const std::regex masks(R"((roi_heads\.mask_head)\.(\d)\.0\.(weight|bias))");
  std::smatch match;
  if (std::regex_match(name, match, pyramid) || std::regex_match(name, match, proposals))
    return match.str(1) + "." + match.str(2);
  if (std::regex_match(name, match, masks))
    return match.str(1) + ".mask_fcn" + std::to_string(std::stoi(match.str(2)) + 1) + "." + match.str(3);
  return name;
}

}  // namespace vitrail
