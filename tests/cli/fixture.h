#pragma once
// A folder with what the commands work on: a model, pictures, a small data set. All made here.

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"

namespace vitrail::testing {

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// Names of CamVid's classes, as --classes takes them.
  static const std::string& camvid_classes();
  /// An .onnx of a small network with CamVid's classes and fresh weights.
  std::string model() const;
  /// A picture of this size.
  std::string picture(const std::string& name, int64_t height, int64_t width) const;
  /// CamVid's layout with three test pictures and one each for training and validation.
  std::string dataset() const;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

/// Standard output as JSON; fails the test where it is anything else, or where the command failed.
nlohmann::json json_of(const Result& result);

/// Checks that the command ended with `status`, printed nothing on standard output and one complaint of ours
/// on standard error that mentions all of `words`.
void expect_refused(const Result& result, int status, const std::vector<std::string>& words);

}  // namespace vitrail::testing
