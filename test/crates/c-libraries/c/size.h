#pragma once
#include <cstdint>
uint32_t size(uint32_t count);
