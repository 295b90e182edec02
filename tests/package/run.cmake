# cmake -D BUILD= -D SOURCE= -D SCRATCH= -D COMPILER= -P run.cmake: installs BUILD, builds SOURCE against it, runs it.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(flags "")
if(SANITIZE STREQUAL "address")
  set(flags "-fsanitize=address,undefined")
elseif(SANITIZE)
  set(flags "-fsanitize=${SANITIZE}")
endif()

cmake_path(SET repository NORMALIZE "${SOURCE}/../..")
set(examples ${repository}/examples)

file(REMOVE_RECURSE ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${SCRATCH}/build -D CMAKE_PREFIX_PATH=${SCRATCH}/prefix
    -D EXAMPLES=${examples} -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS=${flags}" "-DCMAKE_C_FLAGS=${flags}")
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/consumer)
if(NOT output STREQUAL "label map 75x101\n")
  message(FATAL_ERROR "the consumer printed '${output}' instead of 'label map 75x101'")
endif()

# The installed program must run from where it was installed.
run(${SCRATCH}/prefix/bin/vitrail --version)

# The examples: in C through vitrail.h, in C++ with a cv::Mat; and what they say of a file that is no model.
set(model ${repository}/models/street.onnx)
set(picture ${repository}/models/samples/street.jpg)
run(${SCRATCH}/build/segment ${model} ${picture} ${SCRATCH}/labels.png)
if(NOT output MATCHES "% Road" OR NOT EXISTS ${SCRATCH}/labels.png)
  message(FATAL_ERROR "examples/segment.c printed '${output}'")
endif()
run(${SCRATCH}/build/segment_mat ${model} ${picture} ${SCRATCH}/overlay.png)
if(NOT output STREQUAL "928x478 labelled\n" OR NOT EXISTS ${SCRATCH}/overlay.png)
  message(FATAL_ERROR "examples/segment_mat.cpp printed '${output}'")
endif()
execute_process(COMMAND ${SCRATCH}/build/segment ${picture} ${picture} ${SCRATCH}/none.png
                RESULT_VARIABLE status ERROR_VARIABLE error)
if(NOT status EQUAL 1 OR NOT error MATCHES "street.jpg")
  message(FATAL_ERROR "examples/segment.c ended with ${status} on a picture as a model: ${error}")
endif()

# Neither the library nor the program loads LibTorch or OpenCV's video libraries: both start in a blink.
file(GLOB library ${SCRATCH}/prefix/lib*/libvitrail.so ${SCRATCH}/prefix/lib*/*/libvitrail.so)
foreach(file ${library} ${SCRATCH}/prefix/bin/vitrail)
  run(ldd ${file})
  if(output MATCHES "torch|videoio")
    message(FATAL_ERROR "${file} loads what it must not:\n${output}")
  endif()
endforeach()
if(NOT library)
  message(FATAL_ERROR "no libvitrail.so was installed")
endif()
