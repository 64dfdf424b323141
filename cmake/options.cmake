# Flags that every target of ours gets.
add_library(ats_options INTERFACE)
target_include_directories(ats_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(ats_options INTERFACE _GNU_SOURCE ATS_VERSION="${PROJECT_VERSION}")
target_compile_options(ats_options INTERFACE
    -Wall -Wextra -Wshadow -Wvla -Wundef -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough
    -fno-strict-aliasing       # records are read in place through their own types and as bytes
    -ffp-contract=off          # equal results with and without FMA
    -fno-math-errno            # sqrt is an instruction
    -fno-omit-frame-pointer
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Werror=implicit-function-declaration>)
# Symbols are bound at start, not on the first event that needs one.
target_link_options(ats_options INTERFACE -Wl,-z,now -Wl,-z,relro)

option(ATS_WERROR "warnings are errors" ON)
if(ATS_WERROR)
    target_compile_options(ats_options INTERFACE -Werror)
endif()

# x86-64-v2 is every machine that can run this; faster paths are chosen at run time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(ATS_ARCH "x86-64-v2" CACHE STRING "-march of the portable code")
    target_compile_options(ats_options INTERFACE -march=${ATS_ARCH})
endif()

set(ATS_SANITIZE "" CACHE STRING "address,undefined or thread")
if(ATS_SANITIZE)
    target_compile_options(ats_options INTERFACE -fsanitize=${ATS_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(ats_options INTERFACE -fsanitize=${ATS_SANITIZE})
endif()

# The fuzzer is led by what the code under test covers, so all of it is instrumented.
if(ATS_FUZZ)
    target_compile_options(ats_options INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(ats_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
