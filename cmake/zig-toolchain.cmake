# CMake toolchain file for zig as a cross compiler to Linux with an old glibc.
#
#   FOVEATE_TOOLCHAIN_DIR  folder of the wrapper scripts cc, c++, ar, ranlib (scripts/setup/toolchains.mjs writes them)
#   FOVEATE_PROCESSOR      x86_64 or aarch64

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${FOVEATE_PROCESSOR})

# This file is read again for every compiler probe, in a project that knows none of our variables.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FOVEATE_TOOLCHAIN_DIR FOVEATE_PROCESSOR)

set(CMAKE_C_COMPILER "${FOVEATE_TOOLCHAIN_DIR}/cc")
set(CMAKE_CXX_COMPILER "${FOVEATE_TOOLCHAIN_DIR}/c++")
set(CMAKE_AR "${FOVEATE_TOOLCHAIN_DIR}/ar")
set(CMAKE_RANLIB "${FOVEATE_TOOLCHAIN_DIR}/ranlib")

# An empty root: headers and libraries of the building machine must never be found, they are of another glibc.
set(CMAKE_FIND_ROOT_PATH "${FOVEATE_TOOLCHAIN_DIR}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
