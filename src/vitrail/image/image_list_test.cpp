#include "vitrail/image/image_list.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"

namespace vitrail {
namespace {

TEST(ImageList, NaturalOrder) {
  const std::vector<std::string> ordered{"a",   "a1",   "a2", "a02b",
                                         "a10", "a10b", "b",  "b99999999999999999999999"};
  for (size_t i = 0; i < ordered.size(); ++i)
    for (size_t j = 0; j < ordered.size(); ++j)
      EXPECT_EQ(natural_less(ordered[i], ordered[j]), i < j) << ordered[i] << " " << ordered[j];
  EXPECT_NE(natural_less("a01", "a1"), natural_less("a1", "a01"));
}

TEST(ImageList, KnowsExtensionsInAnyCase) {
  EXPECT_TRUE(has_image_extension("a.JPG"));
  EXPECT_TRUE(has_image_extension("b.c/a.tiff"));
  EXPECT_FALSE(has_image_extension("jpg"));
  EXPECT_FALSE(has_image_extension("a.txt"));
}

TEST(ImageList, ListsAFolderOrAFile) {
  const TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.path();
  std::filesystem::create_directories(folder / "sub.png");
  EXPECT_THROW(images_in(folder), Error) << "no picture in it";
  for (const char* name : {"f10.png", "f2.JPG", "notes.txt", ".hidden.png"})
    write_file_atomically(folder / name, "x");
  const std::vector<std::filesystem::path> expected{folder / "f2.JPG", folder / "f10.png"};
  EXPECT_EQ(images_in(folder), expected);
  EXPECT_EQ(images_in(folder / "notes.txt"), std::vector{folder / "notes.txt"})
      << "a file is what was asked for";
  EXPECT_THROW(images_in(folder / "missing"), Error);
  try {
    images_in("/dev/null");
    ADD_FAILURE() << "a device is no picture";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("a device or a pipe"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail
