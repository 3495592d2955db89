#include <map>
#include <string>
extern "C" int size_of_map() { std::map<std::string,int> m; m["a"]=1; m["b"]=2; return (int)m.size(); }
