"""Many small files, written, listed, read and removed."""
import os

os.mkdir("work")
for i in range(400):
    with open(f"work/{i:03d}.txt", "w") as file:
        file.write(f"{i}\n" * 50)
total = 0
for name in sorted(os.listdir("work")):
    with open(os.path.join("work", name)) as file:
        total += sum(int(line) for line in file)
    os.unlink(os.path.join("work", name))
os.rmdir("work")
print(total)
