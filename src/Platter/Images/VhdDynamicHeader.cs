using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using Platter.Primitives;

namespace Platter.Images;

/// <summary>The header of a dynamic or differencing VHD; it says where the block allocation table lies, and who the parent is.</summary>
/// <remarks>"Virtual Hard Disk Image Format Specification", 2006, "Dynamic Disk Header Format".</remarks>
internal struct VhdDynamicHeader                    // 1024 bytes, big-endian
{
    internal const int Size = 1024, LocatorCount = 8;
    internal const uint Version1 = 0x0001_0000;

    public U64Be Cookie;                            // 0x000  "cxsparse"
    public U64Be DataOffset;                        // 0x008  all ones: there is no further structure
    public U64Be TableOffset;                       // 0x010  of the block allocation table, bytes
    public U32Be HeaderVersion;                     // 0x018
    public U32Be MaxTableEntries;                   // 0x01C  at least as many as the disk has blocks
    public U32Be BlockSize;                         // 0x020  bytes of data in a block, without its bitmap; a power of two
    public U32Be Checksum;                          // 0x024  inverted sum of all other bytes
    public BigEndianGuid ParentUniqueId;            // 0x028  of the parent's footer
    public U32Be ParentTimeStamp;                   // 0x038  of the parent, seconds since 2000-01-01 00:00 UTC
    public U32Be Reserved1;                         // 0x03C
    public Name ParentName;                         // 0x040  UTF-16, big-endian; the file's name, or its path
    public Locators ParentLocators;                 // 0x240  eight of 24 bytes
    public ReservedBytes Reserved2;                 // 0x300

    [InlineArray(512)]
    internal struct Name
    {
        private byte _first;
    }

    [InlineArray(LocatorCount)]
    internal struct Locators
    {
        private VhdParentLocator _first;
    }

    [InlineArray(256)]
    internal struct ReservedBytes
    {
        private byte _first;
    }

    internal static ulong CookieValue => BinaryPrimitives.ReadUInt64BigEndian("cxsparse"u8);

    /// <summary>The parent's name up to the first zero; empty when there is none.</summary>
    internal string ParentFileName
    {
        readonly get
        {
            var text = Encoding.BigEndianUnicode.GetString(ParentName);
            return text.Split('\0')[0];
        }
        set
        {
            Span<byte> bytes = ParentName;
            bytes.Clear();
            // 255 characters and a zero; a longer name is found by its locators.
            Encoding.BigEndianUnicode.GetBytes(value.AsSpan(0, Math.Min(value.Length, 255)), bytes);
        }
    }

    internal readonly uint ComputeChecksum()
    {
        var copy = this;
        copy.Checksum = 0;
        return VhdChecksum.Of(OnDisk.Bytes(ref copy));
    }
}

/// <summary>One way to find the parent; the same specification, "Parent Locator Entries".</summary>
internal struct VhdParentLocator                    // 24 bytes
{
    // Paths: relative to the child's folder or absolute, with backslashes. The first two are UTF-16, little-endian though all else is
    // big-endian; the next two, which nobody writes any more, have one byte a character; the last is a file URL in UTF-8.
    internal const uint W2ru = 0x57327275, W2ku = 0x57326B75, Wi2r = 0x57693272, Wi2k = 0x5769326B, MacX = 0x4D616358;

    public U32Be PlatformCode;                      // 0x00  four characters; 0 = the entry is not used
    public U32Be DataSpace;                         // 0x04  room for the path: sectors, but bytes in what Windows writes
    public U32Be DataLength;                        // 0x08  bytes of the path
    public U32Be Reserved;                          // 0x0C
    public U64Be DataOffset;                        // 0x10  of the path, bytes from the start of the file
}
