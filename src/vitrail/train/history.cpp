#include "vitrail/train/history.h"

#include <algorithm>
#include <cctype>

#include "vitrail/base/text.h"

namespace vitrail::train {

std::string label_of(const std::string& figure) {
  std::vector<std::string> words{""};
  for (const char c : figure) {
    if (c == '_' || c == '.')
      words.emplace_back();
    else
      words.back().push_back(c);
  }
  for (std::string& word : words) {
    if (word == "iou") word = "IoU";
    if (word.starts_with("ap") || word.starts_with("ar"))
      std::transform(word.begin(), word.begin() + 2, word.begin(), ::toupper);
  }
  return join(words, " ");
}

}  // namespace vitrail::train
