"""A second opinion on chains of VHD and VHDX images: reads them sector by sector, straight from the specifications, with nothing of Platter in it.

usage: read_chain.py OUT BASE [CHILD ...]    writes the last child's disk to OUT
"""
import struct
import sys
import uuid


class Vhd:
    def __init__(self, path, parent):
        self.bytes = open(path, 'rb').read()
        self.parent = parent
        footer = self.bytes[-512:]
        self.size, = struct.unpack_from('>Q', footer, 0x30)
        self.kind, = struct.unpack_from('>I', footer, 0x3C)
        self.sector = 512
        if self.kind == 2:
            return
        header, = struct.unpack_from('>Q', footer, 0x10)
        table, = struct.unpack_from('>Q', self.bytes, header + 0x10)
        count, self.block = struct.unpack_from('>II', self.bytes, header + 0x1C)
        self.table = struct.unpack_from('>%dI' % count, self.bytes, table)
        self.bitmap = (self.block // 512 // 8 + 511) // 512 * 512
        if self.kind == 4:
            assert self.bytes[header + 0x28:header + 0x38] == parent.bytes[-512:][0x44:0x54], 'the parent is another disk'

    def read(self, number):
        if self.kind == 2:
            return self.bytes[number * 512:number * 512 + 512]
        block, index = divmod(number, self.block // 512)
        start = self.table[block] * 512
        if self.table[block] != 0xFFFFFFFF and self.bytes[start + index // 8] >> (7 - index % 8) & 1:
            start += self.bitmap + index * 512
            return self.bytes[start:start + 512]
        return self.parent.read(number) if self.parent else bytes(512)


class Vhdx:
    def __init__(self, path, parent):
        self.bytes = open(path, 'rb').read()
        self.parent = parent
        headers = [o for o in (0x10000, 0x20000) if self.bytes[o:o + 4] == b'head']
        newest = max(headers, key=lambda o: struct.unpack_from('<Q', self.bytes, o + 8)[0])
        assert self.bytes[newest + 0x30:newest + 0x40] == bytes(16), 'there is a log'
        self.data_id = uuid.UUID(bytes_le=self.bytes[newest + 0x20:newest + 0x30])
        regions = {}
        for i in range(struct.unpack_from('<I', self.bytes, 0x30008)[0]):
            entry = 0x30010 + 32 * i
            regions[str(uuid.UUID(bytes_le=self.bytes[entry:entry + 16]))] = struct.unpack_from('<Q', self.bytes, entry + 16)[0]
        self.bat = regions['2dc27766-f623-4200-9d64-115e9bfd4a08']
        metadata = regions['8b7ca206-4790-4b9a-b8fe-575f050f886e']
        items = {}
        for i in range(struct.unpack_from('<H', self.bytes, metadata + 10)[0]):
            entry = metadata + 32 + 32 * i
            items[str(uuid.UUID(bytes_le=self.bytes[entry:entry + 16]))] = metadata + struct.unpack_from('<I', self.bytes, entry + 16)[0]
        self.block, flags = struct.unpack_from('<II', self.bytes, items['caa16737-fa36-4d43-b3b6-33f0aa44e76b'])
        self.size, = struct.unpack_from('<Q', self.bytes, items['2fa54224-cd1b-4876-b211-5dbed83bf4b8'])
        self.sector, = struct.unpack_from('<I', self.bytes, items['8141bf1d-a96f-4709-ba47-f233a8faab5f'])
        self.ratio = 2 ** 23 * self.sector // self.block
        if flags & 2:
            locator = items['a8d35f2d-b30b-454d-abf7-d3d84834ab0c']
            pairs = {}
            for i in range(struct.unpack_from('<H', self.bytes, locator + 18)[0]):
                k, v, kl, vl = struct.unpack_from('<IIHH', self.bytes, locator + 20 + 12 * i)
                pairs[self.bytes[locator + k:locator + k + kl].decode('utf-16-le')] = self.bytes[locator + v:locator + v + vl].decode('utf-16-le')
            assert uuid.UUID(pairs['parent_linkage']) == parent.data_id, 'the parent is another disk'

    def entry(self, index):
        value, = struct.unpack_from('<Q', self.bytes, self.bat + 8 * index)
        return value & 7, value >> 20 << 20

    def read(self, number):
        block, index = divmod(number, self.block // self.sector)
        chunk = block // self.ratio
        state, place = self.entry(block + chunk)
        if state == 7:
            bitmap_state, bitmap = self.entry(chunk * (self.ratio + 1) + self.ratio)
            assert bitmap_state == 6, 'no bitmap'
            bit = block % self.ratio * (self.block // self.sector) + index
            state = 6 if self.bytes[bitmap + bit // 8] >> bit % 8 & 1 else 0
        if state == 6:
            place += index * self.sector
            return self.bytes[place:place + self.sector]
        return self.parent.read(number) if state == 0 and self.parent else bytes(self.sector)


disk = None
for path in sys.argv[2:]:
    disk = (Vhdx if open(path, 'rb').read(8) == b'vhdxfile' else Vhd)(path, disk)
with open(sys.argv[1], 'wb') as out:
    for number in range(disk.size // disk.sector):
        out.write(disk.read(number))
