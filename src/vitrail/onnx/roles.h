#pragma once
// What a parameter is for, in the doc string of its initialiser: ONNX has no other place for it.

#include <optional>
#include <string_view>

#include "vitrail/graph/graph.h"

namespace vitrail::onnx_files {

constexpr std::string_view name_of(Role role) {
  switch (role) {
    case Role::learnable: return "learnable";
    case Role::running_statistic: return "running statistic";
    case Role::constant: break;
  }
  return "constant";
}

constexpr std::optional<Role> role_from_name(std::string_view name) {
  for (const Role role : {Role::learnable, Role::running_statistic, Role::constant})
    if (name == name_of(role)) return role;
  return std::nullopt;
}

}  // namespace vitrail::onnx_files
