# One library per room (docs/ARCHITECTURE.md). Every room and every test is declared through the two functions below, so
# that flags, precompiled header and link settings are stated once.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

option(SLIPWAY_FUZZ "build the libFuzzer targets" OFF)
set(SLIPWAY_SANITIZE "" CACHE STRING "value of -fsanitize=, empty for none")

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED)
pkg_check_modules(RE2 REQUIRED re2)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# By its library alone: its flags name -pthread, which the precompiled header was made without.
add_library(slipway_re2 INTERFACE)
target_link_libraries(slipway_re2 INTERFACE ${RE2_LINK_LIBRARIES})

add_library(slipway_base INTERFACE)
# Debug information that names files from the checkout's root on is the same in every checkout.
target_compile_options(slipway_base INTERFACE -fdebug-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_options(slipway_base INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wswitch-enum
  -Wimplicit-fallthrough -Wno-missing-field-initializers)
target_compile_definitions(slipway_base INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  SLIPWAY_VERSION="${PROJECT_VERSION}")
target_include_directories(slipway_base INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_include_directories(slipway_base SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_link_libraries(slipway_base INTERFACE Threads::Threads)
if(SLIPWAY_SANITIZE)
  target_compile_options(slipway_base INTERFACE -fsanitize=${SLIPWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(slipway_base INTERFACE -fsanitize=${SLIPWAY_SANITIZE})
endif()
if(SLIPWAY_FUZZ)
  target_compile_options(slipway_base INTERFACE -fsanitize=fuzzer-no-link)
endif()
find_program(SLIPWAY_MOLD mold)
if(SLIPWAY_MOLD)
  target_link_options(slipway_base INTERFACE -fuse-ld=mold)
endif()

add_library(slipway_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost_src.cc)
target_link_libraries(slipway_boost PUBLIC slipway_base OpenSSL::SSL)
add_library(slipway_flags INTERFACE)
target_link_libraries(slipway_flags INTERFACE slipway_base slipway_boost)

# CMake would include the header's text a second time, by a path that is another in every checkout.
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)

# slipway_pch(NAME OPTIONS compile options... LIBRARIES whose definitions... HEADERS ...): headers that are parsed once. ccache needs -fno-pch-timestamp to see
# two equal ones as equal, and hashes their bytes, which hold this checkout's paths: it would find nothing that another checkout
# compiled. With CCACHE_PCH_EXTSUM (./dev sets it) it hashes the .sum file instead: the text the header was made from.
function(slipway_pch NAME)
  cmake_parse_arguments(PCH "" "" "OPTIONS;LIBRARIES;HEADERS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/${NAME}.cc "")
  add_library(${NAME} OBJECT ${CMAKE_BINARY_DIR}/${NAME}.cc)
  target_link_libraries(${NAME} PUBLIC slipway_flags nlohmann_json::nlohmann_json ${PCH_LIBRARIES})
  target_compile_options(${NAME} PUBLIC "SHELL:-Xclang -fno-pch-timestamp" ${PCH_OPTIONS})
  target_precompile_headers(${NAME} PUBLIC ${PCH_HEADERS})
  set(FILE ${CMAKE_BINARY_DIR}/CMakeFiles/${NAME}.dir/cmake_pch.hxx)
  set(DEFINES $<TARGET_PROPERTY:${NAME},COMPILE_DEFINITIONS>)
  add_custom_command(OUTPUT ${FILE}.pch.sum DEPENDS ${FILE}.pch VERBATIM COMMAND_EXPAND_LISTS
    COMMENT "Fingerprint of ${NAME}"
    COMMAND sh -c "out=$1 && shift && \"$@\" | sha256sum > $out" sh ${FILE}.pch.sum
      ${CMAKE_CXX_COMPILER} -std=c++20 -E -P $<$<BOOL:${DEFINES}>:-D$<JOIN:${DEFINES},$<SEMICOLON>-D>> ${FILE})
  add_custom_target(${NAME}_sum DEPENDS ${FILE}.pch.sum)
endfunction()

set(COMMON_HEADERS
  <algorithm> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional> <set> <string> <string_view>
  <unordered_map> <variant> <vector>
  <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp> <boost/asio/post.hpp>
  <boost/asio/steady_timer.hpp> <boost/asio/this_coro.hpp> <boost/asio/use_awaitable.hpp>
  <boost/system/result.hpp> <nlohmann/json.hpp> ${CMAKE_SOURCE_DIR}/cmake/instantiated.h)
slipway_pch(slipway_pch HEADERS ${COMMON_HEADERS})
# Tests are compiled once and run once: what is saved by not optimising them is more than they take longer.
slipway_pch(slipway_test_pch OPTIONS -O0 LIBRARIES GTest::gmock GTest::gtest HEADERS ${COMMON_HEADERS} <gtest/gtest.h> <gmock/gmock.h>)

# Nor are the doors in the tree one works in, towards users (HTTP, the command line) and towards engine and database: they
# are templates of others that take long to optimise, and nothing waits for them.
if(NOT CMAKE_BUILD_TYPE STREQUAL Release AND NOT SLIPWAY_SANITIZE)
  set(DOOR_OPTIONS -O0)
endif()
slipway_pch(slipway_door_pch OPTIONS ${DOOR_OPTIONS} HEADERS ${COMMON_HEADERS})
# CLI11 is code in headers: three quarters of a second in each file that sees it, so it is kept to those that must.
# Nor is it optimised where a sanitizer is in: 23 s a file would be 9.
if(NOT CMAKE_BUILD_TYPE STREQUAL Release)
  set(COMMAND_LINE_OPTIONS -O0)
endif()
slipway_pch(slipway_command_line_pch OPTIONS ${COMMAND_LINE_OPTIONS} HEADERS ${COMMON_HEADERS} <CLI/CLI.hpp>)

# slipway_room(NAME [DOOR] DEPS other rooms and libraries...): a library of every .cc file that stands directly in this folder.
function(slipway_room NAME)
  cmake_parse_arguments(ROOM "DOOR" "" "DEPS" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT SOURCES)
    add_library(slipway_${NAME} INTERFACE)
    target_link_libraries(slipway_${NAME} INTERFACE slipway_flags ${ROOM_DEPS})
    return()
  endif()
  add_library(slipway_${NAME} STATIC ${SOURCES})
  target_link_libraries(slipway_${NAME} PUBLIC slipway_flags ${ROOM_DEPS})
  if(ROOM_DOOR)
    slipway_use_door_pch(slipway_${NAME})
  else()
    slipway_use_pch(slipway_${NAME})
  endif()
endfunction()

function(slipway_reuse_pch TARGET PCH)
  target_compile_options(${TARGET} PRIVATE "SHELL:-Xclang -fno-pch-timestamp" ${ARGN})
  target_link_libraries(${TARGET} PRIVATE nlohmann_json::nlohmann_json)
  target_precompile_headers(${TARGET} REUSE_FROM ${PCH})
  add_dependencies(${TARGET} ${PCH}_sum)
endfunction()

function(slipway_use_pch TARGET)
  slipway_reuse_pch(${TARGET} slipway_pch)
endfunction()

function(slipway_use_door_pch TARGET)
  slipway_reuse_pch(${TARGET} slipway_door_pch ${DOOR_OPTIONS})
endfunction()

function(slipway_use_command_line_pch TARGET)
  slipway_reuse_pch(${TARGET} slipway_command_line_pch ${COMMAND_LINE_OPTIONS})
endfunction()

include(SlipwayLeftOut)

# slipway_test(NAME SOURCES ... DEPS ... TIMEOUT seconds): one executable, one ctest entry. A test that needs a server says
# so in its file's suffix (_pgtest, _dockertest) and starts it itself.
function(slipway_test NAME)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 60)
  endif()
  add_executable(${NAME} ${TEST_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${TEST_DEPS} nlohmann_json::nlohmann_json GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_options(${NAME} PRIVATE "SHELL:-Xclang -fno-pch-timestamp" -O0)
  target_precompile_headers(${NAME} REUSE_FROM slipway_test_pch)
  add_dependencies(${NAME} slipway_test_pch_sum)
  slipway_declare_test(${NAME} COMMAND ${NAME} TIMEOUT ${TEST_TIMEOUT} LABELS ${TEST_LABELS} ENVIRONMENT ${TEST_ENVIRONMENT})
endfunction()
