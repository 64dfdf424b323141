# The commit that `ats --version` and every run tell: taken when the build is configured, and again
# when the checked-out commit changes.
find_package(Git QUIET)
set(ATS_COMMIT "unknown")
if(GIT_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --abbrev=12
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE described RESULT_VARIABLE failed
        OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --absolute-git-dir
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE git_dir
        OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(NOT failed)
        set(ATS_COMMIT ${described})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${git_dir}/logs/HEAD)
    endif()
endif()
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
string(STRIP "${CMAKE_BUILD_TYPE} ${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_${build_type}} -march=${ATS_ARCH}" ATS_FLAGS)
string(REGEX REPLACE " +" " " ATS_FLAGS "${ATS_FLAGS}")
set_source_files_properties(${CMAKE_SOURCE_DIR}/core/host.c PROPERTIES
    COMPILE_DEFINITIONS "ATS_COMMIT=\"${ATS_COMMIT}\";ATS_FLAGS=\"${ATS_FLAGS}\"")
