using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>Kinds of VHD; "Virtual Hard Disk Image Format Specification", 2006, "Disk Type".</summary>
internal enum VhdType : uint { None = 0, Fixed = 2, Dynamic = 3, Differencing = 4 }

/// <summary>The footer: the last 512 bytes of every VHD, and a copy at the start of all but fixed ones.</summary>
/// <remarks>The same specification, "Hard Disk Footer Format". Virtual PC before 2004 wrote 511 bytes, one reserved byte fewer.</remarks>
internal struct VhdFooter                           // 512 bytes, big-endian
{
    internal const int Size = 512;
    internal const int VersionOffset = 0x0C;        // of FileFormatVersion
    internal const uint ReservedFeature = 2;        // always set
    internal const uint Version1 = 0x0001_0000;
    internal const ulong NoOffset = ulong.MaxValue; // fixed disks have no other structure
    internal const long MaximumSize = 2040L << 30;  // bytes; what the programs that read VHD accept

    public U64Be Cookie;                            // 0x00  "conectix"
    public U32Be Features, FileFormatVersion;       // 0x08, 0x0C
    public U64Be DataOffset;                        // 0x10  of the dynamic header, bytes
    public U32Be TimeStamp;                         // 0x18  seconds since 2000-01-01 00:00 UTC
    public U32Be CreatorApplication;                // 0x1C  four characters
    public U32Be CreatorVersion;                    // 0x20  major and minor, 16 bits each
    public U32Be CreatorHostOs;                     // 0x24  "Wi2k" or "Mac "
    public U64Be OriginalSize, CurrentSize;         // 0x28, 0x30  of the disk, bytes
    public U16Be Cylinders;                         // 0x38
    public byte Heads, SectorsPerTrack;             // 0x3A, 0x3B
    public U32Be DiskType;                          // 0x3C
    public U32Be Checksum;                          // 0x40  inverted sum of all other bytes
    public BigEndianGuid UniqueId;                  // 0x44
    public byte SavedState;                         // 0x54  1 when the machine is suspended
    public ReservedBytes Reserved;                  // 0x55

    [InlineArray(427)]
    internal struct ReservedBytes
    {
        private byte _first;
    }

    // Times count from here (the same specification, "Time Stamp").
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    internal static ulong CookieValue => BinaryPrimitives.ReadUInt64BigEndian("conectix"u8);

    internal readonly VhdType Type => (VhdType)(uint)DiskType;

    /// <summary>Whether Windows made the image, or a program that goes by its conventions.</summary>
    internal readonly bool IsWindows => CreatorApplication == Number("win "u8);

    internal readonly bool IsWhole => Cookie == CookieValue && Checksum == ComputeChecksum();

    /// <summary>The footer of a new image.</summary>
    internal static VhdFooter New(VhdType type, long size, ContainerOptions options)
    {
        var (cylinders, heads, perTrack) = Geometry(size / 512);
        var footer = new VhdFooter
        {
            Cookie = CookieValue, Features = ReservedFeature, FileFormatVersion = Version1,
            DataOffset = type == VhdType.Fixed ? NoOffset : Size, TimeStamp = Time(options.Created ?? DateTimeOffset.UtcNow),
            // qemu believes currentSize only of creators that it knows, and computes the size of all others from the geometry, which
            // cuts the disk; so this is Hyper-V's word, as other makers of cloud images write it.
            CreatorApplication = Number("win "u8), CreatorVersion = 0x000A_0000, CreatorHostOs = Number("Wi2k"u8),
            OriginalSize = (ulong)size, CurrentSize = (ulong)size,
            Cylinders = (ushort)cylinders, Heads = (byte)heads, SectorsPerTrack = (byte)perTrack, DiskType = (uint)type,
            UniqueId = options.UniqueId ?? Guid.NewGuid(),
        };
        footer.Checksum = footer.ComputeChecksum();
        return footer;
    }

    /// <summary>Seconds since 2000; times outside of what 32 bits hold become the nearest one.</summary>
    internal static uint Time(DateTimeOffset time) => (uint)Math.Clamp((time - Epoch).TotalSeconds, 0, uint.MaxValue);

    /// <summary>The last footer of a file.</summary>
    /// <returns>Its offset; -1 when the file doesn't end with one.</returns>
    internal static long FindLast(BlockDevice host, out VhdFooter footer)
    {
        footer = default;
        if (host.Length < Size)
            return -1;
        Span<byte> tail = stackalloc byte[Size];
        host.Read(host.Length - Size, tail);
        return TryView(tail, out footer) ? host.Length - Size : -1;
    }

    /// <summary>Moves its time on by a second, so that images which are differences to this one see that it was changed. The clock would do, too, but
    /// then the same edit would not give the same bytes.</summary>
    internal void Touch()
    {
        Cookie = CookieValue;       // it may have been recognised by its checksum alone, which the new time spoils
        TimeStamp = unchecked(TimeStamp + 1);
        Checksum = ComputeChecksum();
    }

    /// <summary>What there is to tell people.</summary>
    internal readonly IEnumerable<KeyValuePair<string, string>> Describe()
    {
        yield return new("creator", $"{Text(CreatorApplication)} {CreatorVersion >> 16}.{CreatorVersion & 0xFFFF} on {Text(CreatorHostOs)}");
        yield return new("created", Epoch.AddSeconds(TimeStamp).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        yield return new("identifier", UniqueId.ToString());
        yield return new("geometry", $"{Cylinders}/{Heads}/{SectorsPerTrack}");
    }

    /// <summary>Views a footer that is one for sure: with its cookie, or, the cookie being lost, with a right checksum for one that has it.</summary>
    internal static bool TryView(ReadOnlySpan<byte> bytes, out VhdFooter footer)
    {
        footer = default;
        if (bytes.Length < Unsafe.SizeOf<VhdFooter>())
            return false;
        footer = OnDisk.View<VhdFooter>(bytes);
        if (footer.Cookie == CookieValue)
            return true;
        var mended = footer;
        mended.Cookie = CookieValue;
        return mended.FileFormatVersion == Version1 && mended.Type is VhdType.Fixed or VhdType.Dynamic or VhdType.Differencing
            && mended.ComputeChecksum() == mended.Checksum;
    }

    internal readonly uint ComputeChecksum()
    {
        var copy = this;
        copy.Checksum = 0;
        return VhdChecksum.Of(OnDisk.Bytes(ref copy));
    }

    /// <summary>Cylinders, heads and sectors per track for a disk; the specification's appendix "CHS Calculation".</summary>
    internal static (int Cylinders, int Heads, int SectorsPerTrack) Geometry(long sectors)
    {
        sectors = Math.Min(sectors, 65535L * 16 * 255);
        if (sectors >= 65535L * 16 * 63)
            return ((int)(sectors / 255 / 16), 16, 255);
        var perTrack = 17;
        var tracks = sectors / perTrack;        // cylinders times heads
        var heads = (int)Math.Max(4, (tracks + 1023) / 1024);
        if (tracks >= heads * 1024L || heads > 16)
        {
            (perTrack, heads) = (31, 16);
            tracks = sectors / perTrack;
        }
        if (tracks >= heads * 1024L)
        {
            (perTrack, heads) = (63, 16);
            tracks = sectors / perTrack;
        }
        return ((int)(tracks / heads), heads, perTrack);
    }

    private static uint Number(ReadOnlySpan<byte> text) => BinaryPrimitives.ReadUInt32BigEndian(text);

    private static string Text(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        foreach (ref var b in bytes)
            b = b is >= 0x20 and < 0x7F ? b : (byte)'.';
        return Encoding.ASCII.GetString(bytes).TrimEnd(' ', '.');
    }
}

/// <summary>The checksum of a VHD's footer and header: all bytes added, and inverted; its own four are zeros while they are.</summary>
internal static class VhdChecksum
{
    internal static uint Of(ReadOnlySpan<byte> structure)
    {
        var sum = 0u;
        foreach (var b in structure)
            sum += b;
        return ~sum;
    }
}
