using System.Buffers.Binary;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>One kind of damage, and what a check says of it.</summary>
/// <param name="What">What is damaged, in words.</param>
/// <param name="Codes">All findings' codes, and no others; those that the sound volume has are left out.</param>
/// <param name="Make">Makes the damage.</param>
internal sealed record NtfsCheckCase(string What, NtfsCheckVolume Volume, string Codes, Action<NtfsDamage> Make);

/// <summary>Which sound volume is damaged.</summary>
internal enum NtfsCheckVolume
{
    /// <summary>Made by Windows: compressed files, an attribute list, streams, EAs, object ids, blocks of indexes. Clusters of 1 KiB.</summary>
    Rich,

    /// <summary>Made by Windows: a junction, hard links, short names. Clusters of 4 KiB.</summary>
    Linked,

    /// <summary>Made by mkntfs and ntfs-3g. Clusters of 4 KiB.</summary>
    Small,
}

/// <summary>Damage made on purpose: each is found, and nothing that has nothing to do with it.</summary>
public abstract class NtfsCheckBase
{
    private static readonly Lazy<byte[]> Rich = new(() => Load("ntfs/velociraptor-test.img.zst"));
    private static readonly Lazy<byte[]> Linked = new(() => Load("ntfs/jnode-ntfs-links.img.zst"));
    private static readonly Lazy<byte[]> Small = new(() => Load("ntfs/syzkaller-ntfs_04.img.zst"));

    internal static TheoryData<string> NamesOf(IEnumerable<NtfsCheckCase> cases) => [.. cases.Select(c => c.What)];

    internal static NtfsDamage Sound(NtfsCheckVolume volume) => new(volume switch
    {
        NtfsCheckVolume.Rich => Rich.Value.ToArray(),
        NtfsCheckVolume.Linked => Linked.Value.ToArray(),
        _ => Small.Value.ToArray(),
    });

    /// <summary>What the sound volumes have: Windows had them mounted, and updates copies in directories late.</summary>
    internal static string SoundCodes(NtfsCheckVolume volume) => volume switch
    {
        NtfsCheckVolume.Rich => "NTFS-0139 NTFS-0016 NTFS-0135",
        NtfsCheckVolume.Linked => "NTFS-0016 NTFS-0135",
        _ => "",
    };

    internal static void Expect(IEnumerable<NtfsCheckCase> cases, string what)
    {
        var wanted = cases.Single(c => c.What == what);
        var volume = Sound(wanted.Volume);
        wanted.Make(volume);
        var report = new NtfsType().Check(volume.Device, CheckOptions.Default);
        var sound = SoundCodes(wanted.Volume).Split(' ');
        var found = string.Join(' ', report.Findings.Select(f => f.Code).Except(sound).Distinct().Order(StringComparer.Ordinal));
        Assert.True(found == wanted.Codes, $"{what}: expected {wanted.Codes}, found {found}\n{string.Join('\n', report.Findings)}");
        Assert.Equal(!report.Findings.Any(f => f.Severity > Severity.Note), report.IsClean);
        Assert.All(report.Findings, f => Assert.True(f.Offset is null or >= 0, f.ToString()));
    }

    internal static void Put16(Span<byte> bytes, int offset, int value) => BinaryPrimitives.WriteUInt16LittleEndian(bytes[offset..], (ushort)value);

    internal static void Put32(Span<byte> bytes, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes[offset..], value);

    internal static ulong Put64(Span<byte> bytes, int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], value);
        return value;
    }

    /// <summary>The run list of an extent.</summary>
    internal static Span<byte> RunsOf(Span<byte> attribute) => attribute[BinaryPrimitives.ReadUInt16LittleEndian(attribute[0x20..])..];

    private static byte[] Load(string file)
    {
        using var folder = new TempFolder();
        return File.ReadAllBytes(Corpus.Unpack(Corpus.Images.Single(i => i.File == file), folder));
    }
}
