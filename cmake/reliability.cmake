# Build helpers: every target gets the same warnings, hardening, compiler cache and test labels.
option(RELIABILITY_COVERAGE "Instrument for gcov" OFF)
set(RELIABILITY_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
option(RELIABILITY_CLANG_TIDY "Run clang-tidy with the compiler" OFF)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Relative to this checkout, so that a fresh clone reuses what another one compiled.
  set(RELIABILITY_CCACHE ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${RELIABILITY_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${RELIABILITY_CCACHE})
endif()

if(RELIABILITY_CLANG_TIDY)
  find_program(CLANG_TIDY_PROGRAM NAMES clang-tidy-19 REQUIRED)
  set(CMAKE_CXX_CLANG_TIDY ${CLANG_TIDY_PROGRAM} --warnings-as-errors=*)
endif()

add_library(reliability_options INTERFACE)
target_include_directories(reliability_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(reliability_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/= -fpch-preprocess)
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(reliability_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
if(CMAKE_BUILD_TYPE MATCHES "^Rel" OR RELIABILITY_SANITIZE STREQUAL "thread")
  # g++ 12 sees overlaps and overruns in inlined std::string code that cannot happen (GCC PR 105651, 105329).
  target_compile_options(reliability_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow>)
endif()
if(RELIABILITY_SANITIZE STREQUAL "thread")
  # Asio's fences come on top of its locks; ThreadSanitizer sees the locks. With its instrumentation g++ 12 takes
  # an optional that was asked for its value to be unset.
  target_compile_options(reliability_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan;-Wno-maybe-uninitialized>)
endif()
target_link_options(reliability_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
target_link_libraries(reliability_options INTERFACE Threads::Threads)
if(RELIABILITY_SANITIZE)
  target_compile_options(reliability_options INTERFACE
    -fsanitize=${RELIABILITY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS)
  target_link_options(reliability_options INTERFACE -fsanitize=${RELIABILITY_SANITIZE})
endif()
if(RELIABILITY_COVERAGE)
  target_compile_options(reliability_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(reliability_options INTERFACE --coverage)
endif()

set(RELIABILITY_PCH_asio <utility> <string> <vector> <memory> <chrono> <functional> <optional>
    <boost/asio.hpp> <boost/asio/ssl.hpp> <boost/beast.hpp>)
set(RELIABILITY_PCH_json <string> <vector> <map> <optional> <chrono> <nlohmann/json.hpp>)
set(RELIABILITY_PCH_test <string> <vector> <gtest/gtest.h> <gmock/gmock.h>)

function(_reliability_common target)
  cmake_parse_arguments(A "" "PCH" "SOURCES;DEPS" ${ARGN})
  target_link_libraries(${target} PRIVATE reliability_options)
  if(A_DEPS)
    target_link_libraries(${target} ${_scope} ${A_DEPS})
  endif()
  if(A_PCH)
    target_precompile_headers(${target} PRIVATE ${RELIABILITY_PCH_${A_PCH}})
  endif()
endfunction()

# reliability_library(NAME SOURCES a.cc ... [DEPS target ...] [PCH asio|json])
function(reliability_library target)
  cmake_parse_arguments(L "" "PCH" "SOURCES;DEPS" ${ARGN})
  add_library(${target} STATIC ${L_SOURCES})
  set(_scope PUBLIC)
  _reliability_common(${target} ${ARGN})
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
endfunction()

# reliability_executable(NAME SOURCES a.cc ... [DEPS target ...] [PCH asio|json])
function(reliability_executable target)
  cmake_parse_arguments(L "" "PCH" "SOURCES;DEPS" ${ARGN})
  add_executable(${target} ${L_SOURCES})
  set(_scope PRIVATE)
  _reliability_common(${target} ${ARGN})
  target_link_options(${target} PRIVATE -pie)
endfunction()

# reliability_test(NAME SOURCES a_test.cc ... [DEPS target ...] [LABEL unit|component|interop] [TIMEOUT s] [PCH ...])
# One ctest entry per test binary: starting a process per test case costs more than the cases.
function(reliability_test target)
  cmake_parse_arguments(L "" "PCH;LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT L_LABEL)
    set(L_LABEL unit)
  endif()
  if(NOT L_TIMEOUT)
    set(L_TIMEOUT 120)
  endif()
  if(NOT L_PCH)
    set(L_PCH test)
  endif()
  add_executable(${target} ${L_SOURCES})
  target_link_libraries(${target} PRIVATE reliability_options ${L_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  target_precompile_headers(${target} PRIVATE ${RELIABILITY_PCH_${L_PCH}})
  add_test(NAME ${target} COMMAND ${target} --gtest_brief=1)
  if(RELIABILITY_SANITIZE STREQUAL "thread")
    # Several times slower; the file says for each of its entries why it is no finding of ours.
    math(EXPR L_TIMEOUT "${L_TIMEOUT} * 3")
    set_property(TEST ${target} PROPERTY ENVIRONMENT_MODIFICATION
      "TSAN_OPTIONS=set:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp second_deadlock_stack=1")
  endif()
  set_tests_properties(${target} PROPERTIES LABELS ${L_LABEL} TIMEOUT ${L_TIMEOUT})
endfunction()

function(add_subdirectory_if_present folder)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt")
    add_subdirectory(${folder})
  endif()
endfunction()
