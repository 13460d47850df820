"""gcmc for Conan 2, of this tree: conan create cmake/conan. Boost, CLI11 and what downloads need are left to the program's
own build; this packs the libraries."""
import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy

ROOT = Path(__file__).resolve().parents[2]


class Gcmc(ConanFile):
    name = "gcmc"
    description = "Graph Convolutional Matrix Completion: train and serve recommenders"
    license = "Apache-2.0"
    topics = ("recommender", "graph-neural-network", "matrix-completion")
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def set_version(self):
        header = (ROOT / "include/gcmc/base/version.hpp").read_text()
        self.version = re.search(r'GCMC_VERSION "([0-9.]+)"', header).group(1)

    def export_sources(self):
        for name in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*"):
            copy(self, name, str(ROOT), self.export_sources_folder)

    def requirements(self):
        self.requires("nlohmann_json/[>=3.10]", visible=False)
        self.requires("zlib/[>=1.2.11 <2]")

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for name in ("PROGRAM", "TESTS", "BENCHMARKS"):
            toolchain.cache_variables[f"GCMC_BUILD_{name}"] = False
        toolchain.cache_variables["GCMC_CUDA"] = "OFF"
        toolchain.cache_variables["GCMC_DOWNLOAD"] = "OFF"
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        """The package's own CMake files are what find_package finds."""
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/gcmc"]
        self.cpp_info.libs = ["gcmc_io", "gcmc_core"]
