#pragma once
// Where results go: JSON on standard output, files in a folder.

#include <filesystem>

#include <nlohmann/json.hpp>

namespace vitrail::cli {

/// `json` on standard output, indented by two. File names need not be UTF-8: their other bytes become U+FFFD.
void print_json(const nlohmann::ordered_json& json);

/// Makes `folder` and those above it, where they are missing. Throws Error(file) that names it.
void make_folder(const std::filesystem::path& folder);

}  // namespace vitrail::cli
