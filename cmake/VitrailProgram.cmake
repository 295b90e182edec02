# The program: a table of commands, one file each. `vitrail` links neither LibTorch nor OpenCV's video libraries, which take
# longer to load than a picture takes to segment: for training and for videos it hands over to `vitrail-train` and
# `vitrail-video`, the same program with those linked.
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
file(GLOB program_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/vitrail/cli/*.cpp)
list(FILTER program_sources EXCLUDE REGEX "_test\\.cpp$")
list(FILTER program_sources EXCLUDE REGEX "/(train_command|train_launcher|video_segmenter|video_launcher)\\.cpp$")
set(training_definitions "")
if(VITRAIL_TRAIN)
  set(training_definitions VITRAIL_TRAIN=1 VITRAIL_LIBTORCH_VERSION="${Torch_VERSION}")
endif()

add_library(program_objects OBJECT ${program_sources})
target_include_directories(program_objects SYSTEM PRIVATE ${CLI11_INCLUDE_DIR} ${OpenCV_INCLUDE_DIRS})
target_compile_definitions(program_objects PRIVATE VITRAIL_VERSION="${PROJECT_VERSION}" ${training_definitions})
target_link_libraries(program_objects PRIVATE vitrail nlohmann_json::nlohmann_json)

# vitrail_add_program(TARGET NAME [sources...]): the commands and these sources, as build/NAME.
function(vitrail_add_program target name)
  add_executable(${target} $<TARGET_OBJECTS:program_objects> ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE CXX)
  target_include_directories(${target} SYSTEM PRIVATE ${CLI11_INCLUDE_DIR})
  target_link_libraries(${target} PRIVATE vitrail nlohmann_json::nlohmann_json)
endfunction()

set(cli ${PROJECT_SOURCE_DIR}/src/vitrail/cli)
vitrail_add_program(vitrail_program vitrail ${cli}/train_launcher.cpp ${cli}/video_launcher.cpp)
vitrail_add_program(vitrail_video_program vitrail-video ${cli}/train_launcher.cpp ${cli}/video_segmenter.cpp)
target_link_libraries(vitrail_video_program PRIVATE vitrail_video opencv_core opencv_imgproc opencv_highgui)
target_include_directories(vitrail_video_program SYSTEM PRIVATE ${OpenCV_INCLUDE_DIRS})
add_dependencies(vitrail_program vitrail_video_program)
if(VITRAIL_TRAIN)
  vitrail_add_program(vitrail_train_program vitrail-train ${cli}/train_command.cpp ${cli}/video_launcher.cpp)
  target_link_libraries(vitrail_train_program PRIVATE vitrail_train)
  add_dependencies(vitrail_program vitrail_train_program)
endif()
