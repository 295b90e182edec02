# Every library we lean on, and why (Debian 12 package in brackets):
#   OpenCV [libopencv-dev]              geometry, drawing, video: complete, fast, everywhere
#   libpng [libpng-dev]                 label PNGs: OpenCV expands palettes, indices would be lost
#   libjpeg-turbo [libjpeg62-turbo-dev], libtiff [libtiff-dev], libwebp [libwebp-dev]   pictures: OpenCV prints,
#                                       and takes damaged files for whole ones
#   matio [libmatio-dev]                label matrices of SBD, Pascal Context, NYUDv2, SIFT Flow: all MATLAB versions
#   oneDNN [libdnnl-dev]                the CPU convolutions LibTorch itself uses
#   ONNX + protobuf [libonnx-dev, libprotobuf-dev]   the reference schema and checker
#   nlohmann-json [nlohmann-json3-dev]  JSON; toml++ [libtomlplusplus-dev] recipes; CLI11 [libcli11-dev] command line
#   LibTorch [libtorch-dev]             gradients, training only
#   GoogleTest [libgtest-dev, libgmock-dev], Google Benchmark [libbenchmark-dev]
find_package(Threads REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(TIFF REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio)
find_package(nlohmann_json REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)

find_path(WEBP_INCLUDE_DIR webp/decode.h REQUIRED)
find_library(WEBP_LIBRARY webp REQUIRED)
add_library(vitrail_webp INTERFACE)
target_include_directories(vitrail_webp SYSTEM INTERFACE ${WEBP_INCLUDE_DIR})
target_link_libraries(vitrail_webp INTERFACE ${WEBP_LIBRARY})

find_path(MATIO_INCLUDE_DIR matio.h REQUIRED)
find_library(MATIO_LIBRARY matio REQUIRED)
add_library(vitrail_matio INTERFACE)
target_include_directories(vitrail_matio SYSTEM INTERFACE ${MATIO_INCLUDE_DIR})
target_link_libraries(vitrail_matio INTERFACE ${MATIO_LIBRARY})

# oneDNN: its CMake package asks for OpenCL development files that a CPU build never uses.
find_path(ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(ONEDNN_LIBRARY dnnl REQUIRED)
add_library(vitrail_onednn INTERFACE)
target_include_directories(vitrail_onednn SYSTEM INTERFACE ${ONEDNN_INCLUDE_DIR})
target_link_libraries(vitrail_onednn INTERFACE ${ONEDNN_LIBRARY} OpenMP::OpenMP_CXX)

# The ONNX schema (protobuf classes) and checker.
find_package(Protobuf REQUIRED)
find_path(ONNX_INCLUDE_DIR onnx/onnx_pb.h REQUIRED)
find_library(ONNX_LIBRARY onnx REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(vitrail_onnx_files INTERFACE)
target_include_directories(vitrail_onnx_files SYSTEM INTERFACE ${ONNX_INCLUDE_DIR})
target_compile_definitions(vitrail_onnx_files INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
target_link_libraries(vitrail_onnx_files INTERFACE ${ONNX_LIBRARY} ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)

if(VITRAIL_TRAIN)
  find_package(tomlplusplus REQUIRED)
  find_package(Torch REQUIRED)
  add_library(vitrail_libtorch INTERFACE)
  target_include_directories(vitrail_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(vitrail_libtorch INTERFACE ${TORCH_LIBRARIES})
  separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(vitrail_libtorch INTERFACE ${torch_flags} -Wno-pedantic)
endif()

if(VITRAIL_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
