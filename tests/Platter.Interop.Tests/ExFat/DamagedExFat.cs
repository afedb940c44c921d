using Platter.Blocks;
using Platter.FileSystems.ExFat;
using Platter.Primitives;
using Platter.Testing.ExFat;

namespace Platter.Interop.Tests.ExFat;

/// <summary>A volume that was sound, with one to three random changes to its structures. Checksums are made right again in most cases, so that
/// what lies behind them is judged.</summary>
internal sealed class DamagedExFat
{
    private const int Size = ExFatEntryType.Size;

    private readonly HandmadeExFat _volume;
    private readonly Random _random;
    private readonly List<string> _what = [];

    private DamagedExFat(int seed)
    {
        _random = new Random(seed);
        int[] sectors = [512, 512, 512, 4096, 1024];
        var sectorSize = sectors[_random.Next(sectors.Length)];
        var clusterSize = Math.Max(sectorSize, 512 << _random.Next(5));
        _volume = HandmadeExFat.CreateFilled(4 << 20, sectorSize, clusterSize, rare: false);
        _what.Add($"sectors of {sectorSize}, clusters of {clusterSize}");
        for (var n = _random.Next(1, 4); n > 0; n--)
        {
            _what.Add(_random.Next(12) switch
            {
                0 => DamageBoot(),
                1 or 2 => DamageFat(),
                3 or 4 => DamageBitmap(),
                5 => DamageRoot(),
                _ => DamageEntry(),
            });
        }
    }

    public byte[] Bytes => _volume.Bytes;

    public string What => string.Join(", ", _what);

    public static DamagedExFat Make(int seed) => new(seed);

    /// <summary>Writes the image, as a hole behind the last byte that is not 0.</summary>
    public void Save(string path)
    {
        using var file = File.Create(path);
        file.Write(Bytes.AsSpan(0, Bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1));
        file.SetLength(Bytes.Length);
    }

    private string DamageBoot()
    {
        var region = _random.Next(4) == 0 ? 1 : 0;
        var start = (int)_volume.Geometry.BootRegionOffset(region);
        var length = ExFatGeometry.BootRegionSectors * _volume.Geometry.SectorSize;

        // The fields that mean something: mostly 0x40 to 0x70.
        var at = _random.Next(4) == 0 ? _random.Next(length) : _random.Next(0x40, 0x71);
        Bytes[start + at] ^= (byte)(1 << _random.Next(8));
        var isSealed = _random.Next(2) == 0;
        if (isSealed)
            ExFatBootRegion.Seal(Bytes.AsSpan(start, length));
        return $"boot region {region} at 0x{at:X}{(isSealed ? ", sealed" : "")}";
    }

    private string DamageFat()
    {
        var cluster = (uint)_random.Next(0, _random.Next(5) == 0 ? (int)_volume.Geometry.ClusterCount + 2 : (int)_volume.NextCluster);
        var value = _random.Next(7) switch
        {
            0 => 0u,
            1 => 1u,
            2 => ExFatTable.Bad,
            3 => ExFatTable.EndOfChain,
            4 => (uint)_random.Next(2, (int)_volume.Geometry.ClusterCount + 2),
            5 => (uint)_random.Next(2, (int)_volume.NextCluster),
            _ => (uint)_random.NextInt64(uint.MaxValue),
        };
        _volume[cluster] = value;
        return $"FAT entry {cluster} = 0x{value:X}";
    }

    private string DamageBitmap()
    {
        var cluster = (uint)_random.Next(2, _random.Next(4) == 0 ? (int)_volume.Geometry.ClusterCount + 2 : (int)_volume.NextCluster + 10);
        var used = _random.Next(3) == 0;
        _volume.Mark(cluster, used);
        return $"cluster {cluster} marked {(used ? "used" : "free")}";
    }

    // Bitmap, up-case table and label, and what the first two hold.
    private string DamageRoot()
    {
        var at = _random.Next(3) == 0
            ? (int)_volume.Geometry.ClusterOffset(_volume.UpcaseEntry.FirstCluster) + _random.Next(ExFatStandardUpcase.CompressedLength)
            : _volume.SlotOffset("", _random.Next(4)) + (_random.Next(2) == 0 ? _random.Next(Size) : new[] { 0, 1, 0x14, 0x18, 0x04 }[_random.Next(5)]);
        if (at >= Bytes.Length)
            return "nothing";
        Bytes[at] ^= (byte)(1 << _random.Next(8));
        return $"root at 0x{at:X}";
    }

    private string DamageEntry()
    {
        var paths = _volume.Paths.ToList();
        var path = paths[_random.Next(paths.Count)];
        var index = _random.Next(1 + _volume.File(path).SecondaryCount);
        if (index >= _volume.UsedSlots(path.Contains('/') ? path[..path.LastIndexOf('/')] : ""))
            return "nothing";
        int[] fields = index switch
        {
            0 => [0, 1, 2, 4, 4, 4, 8, 12, 20],
            1 => [0, 1, 1, 1, 3, 4, 8, 9, 0x14, 0x15, 0x18, 0x18, 0x19, 0x1A],
            _ => [0, 1, 2, 4, 0x12, 0x14, 0x18, 30],
        };
        var entry = _volume.EntryOffset(path, index);
        var field = _random.Next(3) == 0 ? _random.Next(Size) : fields[_random.Next(fields.Length)];
        Bytes[entry + field] = _random.Next(4) switch
        {
            0 => 0,
            1 => (byte)_random.Next(256),
            _ => (byte)(Bytes[entry + field] ^ 1 << _random.Next(8)),
        };
        var isSealed = _random.Next(4) != 0 && 1 + _volume.File(path).SecondaryCount < 8;
        if (isSealed)
            TrySeal(path);
        return $"{path}: entry {index} at 0x{entry:X} + 0x{field:X}{(isSealed ? ", sealed" : "")}";
    }

    // The set as its own count has it now; one that leaves its directory stays as it is.
    private void TrySeal(string path)
    {
        var directory = path.Contains('/') ? path[..path.LastIndexOf('/')] : "";
        var last = 1 + _volume.File(path).SecondaryCount;
        var slots = 0;
        while (slots < _volume.UsedSlots(directory) && _volume.SlotOffset(directory, slots) != _volume.Find(path))
            slots++;
        if (slots + last <= _volume.UsedSlots(directory))
            _volume.Seal(path);
    }
}
