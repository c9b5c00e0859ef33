# How every folder of the tree is built: one static library a folder, with the house's warnings, and its tests beside it.

add_library(egret_flags INTERFACE)
target_compile_options(egret_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fno-omit-frame-pointer -ffp-contract=off -fvisibility=hidden
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wvla>)
target_include_directories(egret_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(egret_flags INTERFACE _GNU_SOURCE)
if(EGRET_SANITIZE)
  target_compile_options(egret_flags INTERFACE -fsanitize=${EGRET_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(egret_flags INTERFACE -fsanitize=${EGRET_SANITIZE})
endif()

# egret_library(name [LINK libs…]): all .c files of the current folder (and .cpp where there is one).
function(egret_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(sources)
    add_library(${name} STATIC ${sources})
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${name} PUBLIC egret_flags ${ARG_LINK})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE egret_flags ${ARG_LINK})
  endif()
endfunction()

# One cmocka program for each tests/unit/<folder>/test_*.c, linked with that folder's library. Exit code 77: skipped.
function(egret_unit_tests folder)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/unit/${folder}/test_*.c)
  foreach(source ${tests})
    get_filename_component(base ${source} NAME_WE)
    string(REPLACE "test_" "" short ${base})
    set(target unit_${folder}_${short})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_link_options(${target} PRIVATE -fno-lto)
    target_link_libraries(${target} PRIVATE egret_${folder} cmocka m)
    target_compile_definitions(${target} PRIVATE EGRET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME unit.${folder}.${short} COMMAND ${target})
    set_tests_properties(unit.${folder}.${short} PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
