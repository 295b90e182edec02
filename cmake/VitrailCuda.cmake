# Our own kernels for NVIDIA GPUs, where both a CUDA compiler and a LibTorch with CUDA are found.
include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER AND TARGET torch_cuda)
  add_subdirectory(${PROJECT_SOURCE_DIR}/cmake/cuda ${PROJECT_BINARY_DIR}/cuda)
  target_link_libraries(train_uses INTERFACE train_cuda)
  target_compile_definitions(train_uses INTERFACE VITRAIL_CUDA)
endif()
