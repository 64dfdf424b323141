# The kernels: machine code for every architecture that nvcc knows of those below, and PTX of the
# oldest and the newest for cards between and after. One file, embedded by gpu/fatbin.c.
target_compile_definitions(ats_gpu PRIVATE ATS_HAVE_NVCC=${ATS_HAVE_NVCC})
if(ATS_HAVE_NVCC)
    execute_process(COMMAND ${ATS_NVCC} --list-gpu-arch OUTPUT_VARIABLE nvcc_architectures ERROR_QUIET)
    set(ATS_CUDA_ARCHITECTURES "")
    foreach(arch 80 86 89 90 100 120)
        if(nvcc_architectures MATCHES "compute_${arch}(\n|$)")
            list(APPEND ATS_CUDA_ARCHITECTURES ${arch})
        endif()
    endforeach()
    if(NOT ATS_CUDA_ARCHITECTURES)
        message(FATAL_ERROR "${ATS_NVCC} knows none of the architectures; -DATS_CUDA=OFF builds without it")
    endif()
    set(code "")
    foreach(arch IN LISTS ATS_CUDA_ARCHITECTURES)
        list(APPEND code -gencode arch=compute_${arch},code=sm_${arch})
    endforeach()
    list(GET ATS_CUDA_ARCHITECTURES 0 oldest)
    list(GET ATS_CUDA_ARCHITECTURES -1 newest)
    set(ATS_CUDA_PTX "")
    foreach(arch ${oldest} ${newest})
        list(APPEND ATS_CUDA_PTX compute_${arch})
        list(APPEND code -gencode arch=compute_${arch},code=compute_${arch})
    endforeach()
    set(ATS_GPU_FATBIN ${CMAKE_BINARY_DIR}/gpu/kernel.fatbin)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gpu)
    # Sums to the bit: no contraction, no flush of denormals.
    add_custom_command(OUTPUT ${ATS_GPU_FATBIN}
        COMMAND ${ATS_NVCC} -std=c++17 -O3 -fmad=false -ftz=false -Werror all-warnings -fatbin
            -I${CMAKE_SOURCE_DIR} ${code} ${CMAKE_SOURCE_DIR}/gpu/kernel.cu -o ${ATS_GPU_FATBIN}
        DEPENDS ${CMAKE_SOURCE_DIR}/gpu/kernel.cu ${CMAKE_SOURCE_DIR}/gpu/kernel.h
            ${CMAKE_SOURCE_DIR}/gpu/mailbox.h ${CMAKE_SOURCE_DIR}/gpu/table.h
        COMMENT "Compiling gpu/kernel.cu" VERBATIM)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/gpu/fatbin.c PROPERTIES
        COMPILE_DEFINITIONS "ATS_GPU_FATBIN_FILE=\"${ATS_GPU_FATBIN}\""
        OBJECT_DEPENDS ${ATS_GPU_FATBIN})
    target_include_directories(ats_gpu SYSTEM PRIVATE ${ATS_CUDA_INCLUDE})
endif()
