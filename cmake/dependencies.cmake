# Imported targets for the static libraries that scripts/setup builds into the cache.
#
#   foveate::opencv   OpenCV core + imgproc (and the zlib that core needs)
#   foveate::jpeg     libjpeg-turbo, the libjpeg API (jpeglib.h)
#
# FOVEATE_DEPS_ROOT names the folder of one toolchain. The libraries are C++ (OpenCV), so the root must come from the
# toolchain that compiles the code: libc++ and libstdc++ objects do not mix.

set(FOVEATE_DEPS_ROOT "" CACHE PATH "Static libraries built by scripts/setup for this toolchain")

if(NOT EXISTS "${FOVEATE_DEPS_ROOT}/lib/libopencv_core.a")
  message(FATAL_ERROR
    "FOVEATE_DEPS_ROOT must name a folder with lib/libopencv_core.a, received \"${FOVEATE_DEPS_ROOT}\". "
    "Build through `npm run build:native`, which prepares the libraries and passes the folder.")
endif()

find_package(Threads REQUIRED)

function(foveate_static_library name)
  add_library(${name} STATIC IMPORTED)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION "${FOVEATE_DEPS_ROOT}/lib/lib${name}.a")
endfunction()

foveate_static_library(opencv_core)
foveate_static_library(opencv_imgproc)
foveate_static_library(zlib)
foveate_static_library(jpeg)

add_library(foveate::opencv INTERFACE IMPORTED)
target_include_directories(foveate::opencv SYSTEM INTERFACE "${FOVEATE_DEPS_ROOT}/include/opencv4")
# Order matters to a static link: imgproc uses core, core uses zlib.
target_link_libraries(foveate::opencv INTERFACE opencv_imgproc opencv_core zlib Threads::Threads ${CMAKE_DL_LIBS} m)

add_library(foveate::jpeg INTERFACE IMPORTED)
target_include_directories(foveate::jpeg SYSTEM INTERFACE "${FOVEATE_DEPS_ROOT}/include/jpeg")
target_link_libraries(foveate::jpeg INTERFACE jpeg)
