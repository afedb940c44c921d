using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>Damage at random, and who sees it: the judges are weak, so what they refuse must have been found; what is found clean must be readable, by them too.</summary>
public class NtfsCheckAgreementTests
{
    private const int Damages = 40;

    private static int DamageCount => int.TryParse(Environment.GetEnvironmentVariable("PLATTER_NTFS_DAMAGES"), out var count) ? count : Damages;

    [Fact]
    public void What_ntfsprogs_refuse_was_found()
    {
        using var folder = new TempFolder();
        var image = Corpus.Images.Single(i => i.File == "ntfs/syzkaller-ntfs_04.img.zst");
        var sound = File.ReadAllBytes(Corpus.Unpack(image, folder));
        var path = folder.File("damaged.img");
        int found = 0, refused = 0;
        for (var seed = 1; seed <= DamageCount; seed++)
        {
            var damage = new NtfsDamage(sound.ToArray());
            var what = AtRandom(damage, new Random(seed));
            var report = new NtfsType().Check(damage.Device, CheckOptions.Default);
            found += report.IsClean ? 0 : 1;
            File.WriteAllBytes(path, damage.Bytes);
            var theirs = Complaint(path);
            refused += theirs is null ? 0 : 1;
            if (!report.IsClean)
                continue;
            Assert.True(theirs is null, $"seed {seed}, {what}: found clean, and {theirs}");
            Assert.Empty(damage.Codes());
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{DamageCount} damages: {found} found, {refused} refused by ntfsprogs");
        // Half of such bytes mean nothing (times, padding); of what means something ntfsprogs see less than half.
        Assert.True(refused > 0 && found > 2 * refused, $"{found} of {DamageCount} found, {refused} refused");
    }

    // What ntfsfix has against it; else what cannot be listed or read.
    private static string? Complaint(string path)
    {
        foreach (var arguments in new[] { new[] { "ntfsfix", "-n", path }, ["ntfsinfo", "-m", path], ["ntfsls", "-R", "-a", path], ["ntfscat", path, "/file0/file0"] })
        {
            var result = Tool.Run("timeout", ["-k", "1", "20", .. arguments]);
            if (result.ExitCode != 0)
                return $"{arguments[0]} ended with {result.ExitCode}: {result.All}";
        }
        return null;
    }

    // A byte of a record's used part, of an index block, of the bitmap, or of the boot sector.
    private static string AtRandom(NtfsDamage damage, Random random)
    {
        var records = damage.Records().ToList();
        var value = (byte)random.Next(256);
        switch (random.Next(10))
        {
            case 0:
                var field = random.Next(3, 0x50);
                damage.Bytes[field] = value;
                return $"boot sector, byte 0x{field:X} = {value:X2}";
            case 1:
                var bit = random.Next(512);
                damage.Bytes[(int)damage.Place(records.First(r => r.Number == NtfsMft.BitmapRecord), NtfsAttributeType.Data, bit / 8)] ^= (byte)(1 << (bit & 7));
                return $"bitmap, bit {bit}";
            case 2 or 3:
                var at = random.Next(0x18, 1200);
                damage.EditBlock(records.First(r => r.Number == NtfsMft.RootRecord), NtfsDirectory.IndexName, 0, b => b[at] = value);
                return $"root's index block, byte 0x{at:X} = {value:X2}";
            default:
                var record = records[random.Next(records.Count)];
                var offset = random.Next((int)(uint)record.Header.BytesInUse);
                damage.Edit(record, r => r[offset] = offset is 4 or 5 or 6 or 7 ? r[offset] : value);
                return $"record {record.Number}, byte 0x{offset:X} = {value:X2}";
        }
    }
}
