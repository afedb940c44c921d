using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Platter.Blocks;
using Platter.Primitives;

namespace Platter.FileSystems.Swap;

/// <summary>A Linux swap area: no filesystem, for nothing in it has a name; but it is made, named and told apart like one.</summary>
public sealed class SwapArea
{
    /// <summary>The type's name, as <c>mkfs -t</c> and specs take it.</summary>
    public const string TypeName = "swap";

    private const int SmallestPage = 4096, LargestPage = 65536;

    private static readonly byte[] Signature = "SWAPSPACE2"u8.ToArray();

    // What a hibernated system, and what replaced it, writes in the signature's place until it is woken.
    private static readonly byte[][] Hibernated = ["S1SUSPEND\0"u8.ToArray(), "S2SUSPEND\0"u8.ToArray(), "ULSUSPEND\0"u8.ToArray(), "LINHIB0001"u8.ToArray()];

    private readonly SwapHeader _header;

    private SwapArea(in SwapHeader header, int pageSize, long deviceLength, bool hibernated)
    {
        _header = header;
        PageSize = pageSize;
        DeviceLength = deviceLength;
        IsHibernated = hibernated;
        IsBigEndian = BinaryPrimitives.ReverseEndianness((uint)header.Version) == SwapHeader.CurrentVersion;
    }

    /// <summary>Bytes in a page: where the signature ends.</summary>
    public int PageSize { get; }

    /// <summary>Pages of the area, the header's own among them.</summary>
    public long Pages => Number(_header.LastPage) + 1L;

    /// <summary>How many of them are listed as bad.</summary>
    public uint BadPages => Number(_header.BadPages);

    /// <summary>Whether a system has hibernated into it, so that using it would lose that system's state.</summary>
    public bool IsHibernated { get; }

    /// <summary>Whether it is for a big-endian machine.</summary>
    public bool IsBigEndian { get; }

    public Guid Id => _header.Uuid;

    /// <summary>Null for none.</summary>
    public string? Label
    {
        get
        {
            var label = _header.Label;
            var bytes = ((ReadOnlySpan<byte>)label).TrimEnd((byte)0);
            return bytes.IsEmpty ? null : EscapedUtf8.Decode(bytes.IndexOf((byte)0) is var end and >= 0 ? bytes[..end] : bytes);
        }
    }

    /// <summary>What it says of itself, in the form that filesystems use.</summary>
    public VolumeInfo Info => new()
    {
        Type = TypeName,
        Label = Label,
        Id = Id == Guid.Empty ? null : Id.ToString(),
        BlockSize = PageSize,
        TotalBytes = Math.Max(0, Pages - 1 - BadPages) * PageSize,
        IsClean = true,
        Details = Details(),
    };

    private long DeviceLength { get; }

    /// <summary>Whether the device starts like a swap area, sound or not.</summary>
    public static bool Recognise(BlockDevice device) => TryRead(device) is not null;

    /// <summary>Reads the header.</summary>
    /// <returns>Null when there is no swap area.</returns>
    /// <exception cref="DiskFormatException">There is one, with a broken header.</exception>
    public static SwapArea? TryOpen(BlockDevice device)
    {
        if (TryRead(device) is not { } area)
            return null;
        var report = area.Check();
        if (report.Findings.FirstOrDefault(f => f.Severity == Severity.Error) is { } first)
            throw new DiskFormatException(first.Code, first.Structure, first.Offset ?? -1, first.Message);
        return area;
    }

    /// <summary>Looks at the header of a swap area, changing nothing. What is no swap area gives no findings.</summary>
    public static CheckReport Check(BlockDevice device) => TryRead(device)?.Check() ?? new CheckReport();

    /// <summary>Makes a swap area that fills the device, as mkswap does. Does not flush.</summary>
    /// <param name="device">At least ten pages.</param>
    /// <param name="options">Label up to 15 bytes of UTF-8; the identifier a UUID; the one option is <c>page_size</c>, 4K to 64K.</param>
    /// <exception cref="ArgumentException">The device is too small or too large, or an option does not fit.</exception>
    public static void Format(BlockDevice device, FormatOptions options)
    {
        const int fewest = 10;                  // pages; mkswap refuses less
        var reader = new FormatOptionReader(options, ["page_size"]);
        var pageSize = (int)(reader.PowerOfTwo("page_size", SmallestPage, LargestPage) ?? SmallestPage);
        var pages = Math.Min(device.Length / pageSize, uint.MaxValue);
        if (pages < fewest)
            throw new ArgumentException($"a swap area needs at least {fewest} pages, {fewest * pageSize} bytes; there are {device.Length}");
        var label = EscapedUtf8.Encode(options.Label ?? "");
        if (label.Length >= SwapLabel.Length || label.Contains((byte)0))
            throw new ArgumentException($"the label '{options.Label}' does not fit: swap has room for {SwapLabel.Length - 1} bytes of UTF-8, none of them 0");
        var id = options.Id is not { } text ? NewId(options.Clock)
            : Guid.TryParse(text, out var parsed) ? parsed : throw new ArgumentException($"'{text}' is no UUID, which is what a swap area has");

        var page = new byte[pageSize];
        ref var header = ref OnDisk.Edit<SwapHeader>(page, SwapHeader.Offset);
        header.Version = SwapHeader.CurrentVersion;
        header.LastPage = (uint)(pages - 1);
        header.Uuid = id;
        label.CopyTo((Span<byte>)header.Label);
        Signature.CopyTo(page, pageSize - SwapHeader.SignatureLength);
        // Heads of other filesystems must not shine through; the last of the usual ones, btrfs's, is at 64 KiB.
        device.WriteZeros(0, Math.Min(device.Length, 2 * LargestPage));
        device.Write(0, page);
    }

    // RFC 9562, version 8: 122 bits of our own choice, here of the clock.
    private static Guid NewId(TimeProvider clock)
    {
        var bytes = SHA256.HashData(BitConverter.GetBytes(clock.GetUtcNow().UtcTicks)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    private static SwapArea? TryRead(BlockDevice device)
    {
        Span<byte> end = stackalloc byte[SwapHeader.SignatureLength];
        for (var pageSize = SmallestPage; pageSize <= LargestPage && pageSize <= device.Length; pageSize *= 2)
        {
            device.Read(pageSize - SwapHeader.SignatureLength, end);
            var hibernated = false;
            if (!end.SequenceEqual(Signature))
            {
                foreach (var other in Hibernated)
                    hibernated |= end.SequenceEqual(other);
                if (!hibernated)
                    continue;
            }
            var bytes = new byte[SwapHeader.Size];
            device.Read(SwapHeader.Offset, bytes);
            return new SwapArea(OnDisk.View<SwapHeader>(bytes), pageSize, device.Length, hibernated);
        }
        return null;
    }

    private CheckReport Check()
    {
        var report = new CheckReport();
        if (_header.Version != SwapHeader.CurrentVersion && !IsBigEndian)
        {
            report.Add("SWP-0001", Severity.Error, "SwapHeader.version", SwapHeader.Offset, $"found {(uint)_header.Version}, expected 1");
            return report;
        }
        if (Pages < 2 || Pages > DeviceLength / PageSize)
            report.Add("SWP-0002", Severity.Error, "SwapHeader.last_page", SwapHeader.Offset + 4, $"found {Pages - 1}, expected 1..{DeviceLength / PageSize - 1}: the last page that the device holds");
        var most = (PageSize - SwapHeader.SignatureLength - SwapHeader.BadPagesOffset) / sizeof(uint);
        if (BadPages > most)
            report.Add("SWP-0003", Severity.Error, "SwapHeader.nr_badpages", SwapHeader.Offset + 8, $"found {BadPages}, expected at most {most}, which is what the header's page has room for");
        return report;
    }

    private List<KeyValuePair<string, string>> Details()
    {
        var details = new List<KeyValuePair<string, string>> { new("pages", Pages.ToString(CultureInfo.InvariantCulture)) };
        if (BadPages > 0)
            details.Add(new("bad pages", BadPages.ToString(CultureInfo.InvariantCulture)));
        if (IsBigEndian)
            details.Add(new("byte order", "big-endian"));
        if (IsHibernated)
            details.Add(new("state", "a hibernated system"));
        return details;
    }

    private uint Number(uint stored) => IsBigEndian ? BinaryPrimitives.ReverseEndianness(stored) : stored;
}
