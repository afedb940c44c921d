using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Blocks;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;
using static Platter.FileSystems.Ntfs.NtfsAttributeType;

namespace Platter.Tests.FileSystems.Ntfs;

/// <summary>Repairs of trees: indexes of several levels, what hangs nowhere, names that two files have; damage at random; and power cuts.</summary>
public class NtfsRepairTreeTests(ITestOutputHelper output)
{
    private const int BlockSize = 4096;
    private const string Names = NtfsDirectory.IndexName;

    private static readonly Lazy<byte[]> Sound = new(() => NtfsTrial.Make());

    [Theory]
    [InlineData("512", 700)]
    [InlineData("4K", 3000)]
    [InlineData("64K", 3000)]
    public void An_index_of_several_levels_is_made_anew(string clusterSize, int names)
    {
        var damage = new NtfsDamage(NtfsTrial.Make(clusterSize, names, clusterSize == "64K" ? 24 << 20 : 8 << 20));
        var before = Tree(damage.Device);
        var many = Directory(damage, "many");
        // Its first block, in the midst of a block, one that is torn.
        damage.Bytes.Slice((int)damage.Place(many, IndexAllocation, 0, Names), 512).Clear();
        damage.EditBlock(many, Names, 5 * BlockSize, b => b[NtfsDamage.Entries(b, NtfsIndexBlock.HeaderOffset)[1] + 8] = 0);
        damage.Bytes[(int)damage.Place(many, IndexAllocation, 7 * BlockSize + 511, Names)]++;
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        Assert.Contains(report.Repairs, r => r.Message == $"made anew from the records: {names} names");
        Expect(before, damage.Device);
    }

    [Fact]
    public void All_indexes_of_names_broken_at_once_are_made_anew()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var before = Tree(damage.Device);
        foreach (var record in damage.Records().Where(r => r.IsDirectory && r.Number != NtfsMft.RootRecord).ToList())
            damage.EditValue(record, IndexRoot, v => v.Span[8] = 3, Names);
        damage.Bytes.Slice((int)damage.Place(damage.Record(5), IndexAllocation, 0, Names), 8).Clear();
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Empty(report.Remaining.Findings);
        Expect(before, damage.Device);
    }

    [Fact]
    public void What_a_lost_directory_had_is_found_together()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var before = Tree(damage.Device);
        // The record is cleared, with its bit and its name: nobody knows of it any more.
        var folder = Directory(damage, "inner");
        damage.Bytes.Slice((int)folder.Offset, 1024).Clear();
        damage.Bytes[(int)damage.Place(damage.Record(0), NtfsAttributeType.Bitmap, folder.Number / 8)] &= (byte)~(1 << (int)(folder.Number & 7));
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
        var after = Tree(damage.Device);
        // A file that has a name elsewhere, too, keeps that one alone.
        Assert.Equal(before["/folder/a link"].Hash, after["/folder/a link"].Hash);
        Assert.Equal(before["/folder/inner/another file"].Hash, after["/found.000/dir0000.chk/another file"].Hash);
        Assert.DoesNotContain("/folder/inner", after.Keys);
        Assert.Empty(before.Keys.Where(p => !p.StartsWith("/folder/inner", StringComparison.Ordinal)).Except(after.Keys));
        Assert.Contains(report.Repairs, r => r.Message == "found: \\found.000\\dir0000.chk\\another file");
        Assert.Empty(new NtfsType().Repair(damage.Device, RepairOptions.Default).Repairs);
    }

    [Fact]
    public void What_has_no_name_gets_one_in_the_next_free_folder()
    {
        var bytes = Sound.Value.ToArray();
        using (var volume = new NtfsType().OpenForEditing(new MemoryDevice(bytes), VolumeOptions.Default))
        {
            volume.CreateDirectory(volume.RootId, "FOUND.000", MetadataChange.None);
            volume.Commit();
        }
        var damage = new NtfsDamage(bytes);
        var before = Tree(damage.Device);
        var (file, folder) = (damage.Named("other.txt"), Directory(damage, "folder"));
        damage.Cut(file, FileName);
        damage.Cut(folder, FileName);
        // The root's index, of which nothing is left.
        damage.Bytes.Slice((int)damage.Place(damage.Record(5), IndexAllocation, 0, Names), 8).Clear();
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
        var after = Tree(damage.Device);
        Assert.Equal(before["/other.txt"].Hash, after["/found.001/file0000.chk"].Hash);
        Assert.Equal(before["/other.txt:stream"].Hash, after["/found.001/file0000.chk:stream"].Hash);
        Assert.Equal(before["/folder/inner/a file"].Hash, after["/found.001/dir0000.chk/inner/a file"].Hash);
    }

    [Fact]
    public void Of_two_files_with_one_name_each_keeps_its_content()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        var before = Tree(damage.Device);
        var (first, second) = (damage.Named("one of many files 00001"), damage.Named("one of many files 00002"));
        damage.EditValue(second, FileName, v => v.Span[^2] = (byte)'1');
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.True(report.Remaining.IsClean, string.Join('\n', report.Remaining.Findings));
        var after = Tree(damage.Device);
        Assert.NotEqual(first.Number, second.Number);
        Assert.Equal(before.Count, after.Count);
        string[] hashes = [before["/many/one of many files 00001"].Hash, before["/many/one of many files 00002"].Hash];
        Assert.Equal(hashes.Order(), new[] { after["/many/one of many files 00001"].Hash, after["/many/file0000.chk"].Hash }.Order());
    }

    [Fact]
    public void The_dirty_flag_goes_when_nothing_else_is_wrong_and_stays_otherwise()
    {
        var torn = Dirty();
        torn.Bytes[(int)torn.Named("other.txt").Offset + 511] ^= 0x55;
        Assert.Contains(new NtfsType().Repair(torn.Device, RepairOptions.Default).Remaining.Findings, f => f.Code == "NTFS-0015");

        var done = new NtfsType().Repair(Dirty().Device, RepairOptions.Default);
        Assert.Equal(["NTFS-0140", "NTFS-0015"], done.Repairs.Select(r => r.Code));
        Assert.Empty(done.Remaining.Findings);

        static NtfsDamage Dirty()
        {
            var damage = new NtfsDamage(Sound.Value.ToArray());
            damage.EditValue(damage.Record(3), VolumeInformation, v => v.Span[0x0A] = 1);
            return damage;
        }
    }

    [Fact]
    public void Names_are_left_where_two_files_have_the_same_clusters()
    {
        var damage = new NtfsDamage(Sound.Value.ToArray());
        damage.Cut(damage.Named("one of many files 00003"), FileName);
        damage.Named("other.txt").TryFind(Data, "", out var data);
        var runs = new NtfsRunList();
        runs.Decode(data.RunBytes, data.EndVcn, long.MaxValue >> 9);
        // Those of $AttrDef, all of them.
        var cluster = BitConverter.GetBytes(runs[0].Lcn);
        damage.Edit(damage.Record(4), Data, a =>
        {
            int at = a.Span[0x20], length = a.Span[at] & 15;
            cluster.AsSpan(0, a.Span[at] >> 4).CopyTo(a.Span[(at + 1 + length)..]);
        });
        var report = new NtfsType().Repair(damage.Device, RepairOptions.Default);
        Assert.Contains(report.Remaining.Findings, f => f.Code == "NTFS-0210");
        Assert.Contains(report.Remaining.Findings, f => f.Code == "NTFS-0129");
    }

    [Theory]
    [InlineData(1, 170)]
    [InlineData(2, 170)]
    public void Damage_at_random_is_never_made_worse(int seed, int damages)
    {
        var random = new Random(seed);
        var (repaired, clean) = (0, 0);
        for (var i = 0; i < damages; i++)
        {
            var damage = new NtfsDamage(Sound.Value.ToArray());
            var what = "";
            try
            {
                what = AtRandom(damage, random);
            }
            catch (DiskFormatException)
            {
                // So damaged that no more can be.
            }
            var before = new NtfsType().Check(damage.Device, CheckOptions.Default);
            var readable = NtfsReadable.Of(damage.Device);
            RepairReport report;
            try
            {
                report = new NtfsType().Repair(damage.Device, new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { DiscardJournal = true } } });
            }
            catch (UnsupportedFeatureException)
            {
                continue;
            }
            repaired += report.Repairs.Count > 0 ? 1 : 0;
            clean += report.Remaining.IsClean ? 1 : 0;
            var loss = NtfsReadable.Loss(readable, NtfsReadable.Of(damage.Device));
            Assert.True(loss is null, $"seed {seed}, damage {i}, {what}: {loss}\n{string.Join('\n', report.Repairs)}");
            Assert.True(report.Remaining.Findings.Count(f => f.Code is not ("NTFS-0137" or "NTFS-0212")) <= before.Total, $"seed {seed}, damage {i}, {what}: more findings than before\n{string.Join('\n', report.Remaining.Findings)}");
        }
        output.WriteLine($"{damages} damages: {repaired} repaired, {clean} clean afterwards");
        Assert.True(clean > damages / 3);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_power_cut_leaves_the_volume_as_it_was_or_repaired(int kind)
    {
        var damage = new NtfsDamage(NtfsTrial.Make("1K", 120, 4 << 20));
        if (kind == 0)
        {
            damage.Bytes.Slice((int)damage.Place(Directory(damage, "many"), IndexAllocation, 0, Names), 8).Clear();
        }
        else
        {
            var inner = Directory(damage, "inner");
            damage.Bytes.Slice((int)inner.Offset, 1024).Clear();
            damage.Bytes[(int)damage.Place(damage.Record(0), NtfsAttributeType.Bitmap, inner.Number / 8)] &= (byte)~(1 << (int)(inner.Number & 7));
        }
        var damaged = damage.Bytes.ToArray();
        var options = new RepairOptions { Check = new CheckOptions { Volume = new VolumeOptions { Clock = new SettableClock() } } };
        var old = Outline(new MemoryDevice(damaged.ToArray()));
        var copy = new MemoryDevice(damaged.ToArray());
        Assert.True(new NtfsType().Repair(copy, options).Remaining.IsClean);
        var repaired = Outline(copy);
        Assert.NotEqual(old, repaired);
        var result = PowerCut.Run(damaged, device => new NtfsType().Repair(device, options), (device, point) =>
        {
            var found = Outline(device);
            Assert.True(found == (point.Newest == 0 ? old : point.Oldest == 1 ? repaired : found == old ? old : repaired), $"{point.Description}:\n{found}");
        }, new PowerCutOptions { Samples = 1 });
        output.WriteLine($"{result.CrashPoints} crash points of {result.Operations} operations");
        Assert.True(result.CrashPoints > 20);
    }

    private static string Outline(BlockDevice device)
    {
        var findings = new NtfsType().Check(device, CheckOptions.Default).Findings.Select(f => f.Code);
        return string.Join(' ', findings) + "\n" + string.Join('\n', Tree(device).Select(l => $"{l.Key} {l.Value}").Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, NtfsListing.Line> Tree(BlockDevice device)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        return NtfsListing.Read(volume, []);
    }

    private static void Expect(Dictionary<string, NtfsListing.Line> before, BlockDevice device)
    {
        using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
        var problems = new List<string>();
        var differences = NtfsListing.Differences(before, NtfsListing.Read(volume, problems));
        Assert.True(differences.Count == 0 && problems.Count == 0, string.Join('\n', differences.Concat(problems).Take(20)));
    }

    private static NtfsRecord Directory(NtfsDamage damage, string name) => damage.Records().First(r => r.IsDirectory && NtfsDamage.HasName(r, name));

    // One to three bytes of records or index blocks, their protection left as it should be; or a whole sector of one.
    private static string AtRandom(NtfsDamage damage, Random random)
    {
        var what = "";
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            var records = damage.Records().Where(r => r.Number >= 5).ToList();
            var record = records[random.Next(records.Count)];
            var directories = records.Where(r => r.TryFind(IndexAllocation, Names, out _)).ToList();
            var value = (byte)random.Next(256);
            switch (random.Next(5))
            {
                case 0 when directories.Count > 0:
                    var torn = directories[random.Next(directories.Count)];
                    var place = (int)damage.Place(torn, IndexAllocation, 512 * random.Next(8), Names);
                    damage.Bytes.Slice(place, 512).Clear();
                    what += $"sector of the index of record {torn.Number}; ";
                    break;
                case 1 or 2 when directories.Count > 0:
                    var directory = directories[random.Next(directories.Count)];
                    var at = random.Next(0x18, 1800);
                    try
                    {
                        damage.EditBlock(directory, Names, 0, b => b[at] = value);
                    }
                    catch (InvalidOperationException)
                    {
                        // Torn by the damage before this one.
                    }
                    what += $"index of record {directory.Number}, byte 0x{at:X} = {value:X2}; ";
                    break;
                default:
                    var offset = random.Next(0x10, (int)(uint)record.Header.BytesInUse);
                    damage.Edit(record, r => r[offset] = value);
                    what += $"record {record.Number}, byte 0x{offset:X} = {value:X2}; ";
                    break;
            }
        }
        return what;
    }
}
