#include "size.h"
#include <map>
#include <stdexcept>
#include <string>

uint32_t size(uint32_t count) {
  std::map<int, std::string> found;
  try {
    for (uint32_t i = 0; i < count; i++) found[i] = std::to_string(i);
    throw std::runtime_error("unwound");
  } catch (const std::exception &) {
    return found.size();
  }
}
