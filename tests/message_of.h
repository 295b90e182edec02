#pragma once
// What a refusal says.

#include <string>

#include "vitrail/base/error.h"

namespace vitrail {

/// The text of the Error that `action` throws; other exceptions pass.
template <class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace vitrail
