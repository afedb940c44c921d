using Platter.Testing.Ext;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Tests.FileSystems.Ext;

/// <summary>The layouts that the suites run on.</summary>
internal static class ExtLayouts
{
    public const string Ext2 = "-t ext2 -b 1024 -I 128 -O ^resize_inode";
    public const string Ext3 = "-t ext3 -b 1024 -I 256 -J size=1";
    public const string Ext4 = "-t ext4 -b 4096";
    public const string Inline = "-t ext4 -b 1024 -I 512 -J size=1 -O inline_data,large_dir,metadata_csum_seed,ea_inode";
    public const string Plain = "-t ext4 -b 1024 -I 256 -O ^has_journal,^extent,^64bit,^metadata_csum,uninit_bg,^dir_index,^filetype -g 1024";
    public const string Bigalloc = "-t ext4 -b 1024 -C 4096 -I 256 -O ^has_journal,bigalloc,^resize_inode";

    public const string Quota = "-t ext4 -b 1024 -I 256 -J size=1 -O quota,project,ea_inode";

    public static ExtFixture Of(string layout) => layout switch
    {
        "ext2" => new ExtFixture { Arguments = Ext2, BlockSize = 1024 },
        "ext3" => new ExtFixture { Arguments = Ext3, BlockSize = 1024 },
        "ext4" => new ExtFixture { Arguments = Ext4 },
        "inline" => new ExtFixture { Arguments = Inline, BlockSize = 1024 },
        "plain" => new ExtFixture { Arguments = Plain, BlockSize = 1024 },
        "bigalloc" => new ExtFixture { Arguments = Bigalloc, BlockSize = 1024 },
        "quota" => new ExtFixture { Arguments = Quota, BlockSize = 1024 },
        _ => throw new ArgumentException(layout),
    };
}

/// <summary>Blocks of 1 KiB in lists, no journal, no checksums.</summary>
public sealed class Ext2ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("ext2");
}

/// <summary>With a journal and hash trees.</summary>
public sealed class Ext3ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("ext3");
}

/// <summary>What mke2fs makes when it is not asked for anything.</summary>
public sealed class Ext4ConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("ext4");
}

/// <summary>Small files and directories in their inodes, small blocks.</summary>
public sealed class ExtInlineConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("inline");
}

/// <summary>Many small groups that were never written, block lists, directories without trees and kinds.</summary>
public sealed class ExtPlainConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("plain");
}

/// <summary>Users, groups and projects counted, and values of attributes in inodes of their own.</summary>
public sealed class ExtQuotaConformanceTests : VolumeConformance
{
    protected override VolumeFixture NewFixture() => ExtLayouts.Of("quota");
}

/// <summary>Random edits beside a model, both checkers every hundred edits.</summary>
public sealed class ExtConformanceRandomTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("ext2", 1)]
    [InlineData("ext3", 2)]
    [InlineData("ext4", 3)]
    [InlineData("inline", 4)]
    [InlineData("plain", 5)]
    [InlineData("bigalloc", 6)]
    [InlineData("quota", 7)]
    public void Random_edits_leave_what_the_model_says(string layout, int seed)
    {
        var outcome = RandomEdits.Run(ExtLayouts.Of(layout), seed, 1500, TimeSpan.FromSeconds(6));
        output.WriteLine($"{layout}: {outcome}");
        Assert.True(outcome.Steps > 100);
    }

    /// <summary>The long run: many seeds on every layout.</summary>
    [Theory(Explicit = true)]
    [InlineData("ext2")]
    [InlineData("ext3")]
    [InlineData("ext4")]
    [InlineData("inline")]
    [InlineData("plain")]
    [InlineData("bigalloc")]
    [InlineData("quota")]
    public void Random_edits_of_many_seeds_leave_what_the_model_says(string layout)
    {
        var (steps, judgements) = (0, 0);
        for (var seed = 100; seed < 104; seed++)
        {
            var outcome = RandomEdits.Run(ExtLayouts.Of(layout), seed, 3000, TimeSpan.FromSeconds(12));
            steps += outcome.Steps;
            judgements += outcome.Judgements;
        }
        output.WriteLine($"{layout}: {steps} edits, {judgements} judgements");
    }
}
